package endpoint

import (
	"encoding/json"
	"net/http"
	"strings"
)

// ecr responds to DescribeImages that an image exists if the local run can build it: the CDK CLI
// then builds and pushes none. Other calls are moto's.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
func (e *Endpoint) ecr(w http.ResponseWriter, r *http.Request, operation string, body []byte) {
	var input struct {
		RepositoryName string
		ImageIds       []struct{ ImageTag string }
	}
	if operation != "DescribeImages" || json.Unmarshal(body, &input) != nil || len(input.ImageIds) == 0 || e.config.Image == nil {
		e.moto.ServeHTTP(w, r)
		return
	}
	type image struct {
		RepositoryName string   `json:"repositoryName"`
		ImageDigest    string   `json:"imageDigest"`
		ImageTags      []string `json:"imageTags"`
	}
	var details []image
	for _, id := range input.ImageIds {
		if !e.config.Image(id.ImageTag) {
			fail(w, "ecr", http.StatusBadRequest, "ImageNotFoundException",
				"The image with imageId {imageDigest:'null', imageTag:'"+id.ImageTag+"'} does not exist within the repository with name '"+input.RepositoryName+"'")
			return
		}
		details = append(details, image{input.RepositoryName, "sha256:" + strings.Repeat("0", 64), []string{id.ImageTag}})
	}
	respond(w, "ecr", http.StatusOK, map[string]any{"imageDetails": details})
}
