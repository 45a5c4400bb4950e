package assembly

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Decode decodes resolved properties into a struct that names every supported property.
// The error lists all properties that the struct does not name.
//
// A field of type [json.RawMessage], any or a map accepts any value: it is decoded strictly
// elsewhere, or it is inert. Property names are case-sensitive, as in CloudFormation.
func Decode(logicalID, typeName string, properties, into any) error {
	target := reflect.TypeOf(into)
	if target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		panic("assembly: Decode wants a pointer to a struct")
	}
	var problems []error
	for _, path := range unknownFields("", properties, target.Elem()) {
		problems = append(problems, fmt.Errorf("%s (%s): property %s is not supported", logicalID, typeName, path))
	}
	text, err := json.Marshal(properties)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("%s (%s): %w", logicalID, typeName, err))
	}
	return Join(problems...)
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
