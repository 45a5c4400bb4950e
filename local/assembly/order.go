package assembly

import (
	"maps"
	"slices"
	"strings"
)

// Dependencies returns, by logical id and sorted, the resources that each resource needs: those
// that it refers to, and those in its DependsOn.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html
func (s *Stack) Dependencies() map[string][]string {
	all := map[string][]string{}
	for id, r := range s.Resources {
		found := map[string]bool{}
		add := func(to string) {
			if _, is := s.Resources[to]; is && to != id {
				found[to] = true
			}
		}
		for _, to := range r.DependsOn {
			add(to)
		}
		s.references(r.Properties, add)
		all[id] = slices.Sorted(maps.Keys(found))
	}
	return all
}

// Order returns the logical ids so that each resource comes after those that it needs. The order
// of the others is always the same.
func (s *Stack) Order() []string {
	needs := s.Dependencies()
	var order []string
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, to := range needs[id] {
			visit(to)
		}
		order = append(order, id)
	}
	for _, id := range slices.Sorted(maps.Keys(needs)) {
		visit(id)
	}
	return order
}

// references calls add with each name that intrinsic functions in the tree refer to.
func (s *Stack) references(tree any, add func(string)) {
	switch v := tree.(type) {
	case map[string]any:
		for key, member := range v {
			switch text, isText := member.(string); {
			case key == "Ref" && isText:
				add(text)
			case key == "Fn::GetAtt" && isText:
				id, _, _ := strings.Cut(text, ".")
				add(id)
			case key == "Fn::Sub" && isText:
				addVariables(text, add)
			case key == "Fn::GetAtt" || key == "Fn::Sub":
				if list, _ := member.([]any); len(list) > 0 {
					if text, isText := list[0].(string); isText && key == "Fn::GetAtt" {
						add(text)
					} else if isText {
						addVariables(text, add)
					}
				}
			case key == "Fn::If":
				list, _ := member.([]any)
				if len(list) == 3 {
					chosen := 2
					if name, _ := list[0].(string); s.holds[name] {
						chosen = 1
					}
					s.references(list[chosen], add)
					continue
				}
			}
			s.references(member, add)
		}
	case []any:
		for _, member := range v {
			s.references(member, add)
		}
	}
}

func addVariables(text string, add func(string)) {
	for _, match := range subVariable.FindAllStringSubmatch(text, -1) {
		id, _, _ := strings.Cut(match[1], ".")
		add(id)
	}
}
