package assembly

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Decode turns resolved properties into a struct that names every property
// the local run plays. Each property that the struct does not name is a
// problem, and all are returned together.
//
// A field of type [json.RawMessage], any or a map takes whatever there is:
// such a field is either decoded strictly elsewhere or only describes.
// Property names are compared exactly, as CloudFormation does.
func Decode(logicalID, kind string, properties, into any) error {
	target := reflect.TypeOf(into)
	if target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		panic("assembly: Decode wants a pointer to a struct")
	}
	var problems []error
	for _, path := range unknownFields("", properties, target.Elem()) {
		problems = append(problems, fmt.Errorf("%s (%s): property %s is not played", logicalID, kind, path))
	}
	text, err := json.Marshal(properties)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("%s (%s): %w", logicalID, kind, err))
	}
	return joinSorted(problems)
}

func unknownFields(path string, value any, target reflect.Type) []string {
	for target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	var unknown []string
	switch v := value.(type) {
	case map[string]any:
		if target.Kind() != reflect.Struct {
			return nil
		}
		fields := map[string]reflect.Type{}
		for i := range target.NumField() {
			field := target.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" {
				name = field.Name
			}
			fields[name] = field.Type
		}
		for key, member := range v {
			field, known := fields[key]
			if !known {
				unknown = append(unknown, path+key)
				continue
			}
			unknown = append(unknown, unknownFields(path+key+".", member, field)...)
		}
	case []any:
		if target.Kind() == reflect.Slice && target.Elem().Kind() != reflect.Uint8 {
			for i, member := range v {
				unknown = append(unknown, unknownFields(fmt.Sprintf("%s[%d].", strings.TrimSuffix(path, "."), i), member, target.Elem())...)
			}
		}
	}
	return unknown
}
