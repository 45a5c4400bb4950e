package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"payment-webhooks/local/jsonpath"
)

// InputTransformerProperties is the InputTransformer of a target.
type InputTransformerProperties struct {
	InputPathsMap map[string]string
	InputTemplate string
}

// input yields a target's payload from an event. The zero value yields the event unchanged.
type input struct {
	constant []byte
	path     *jsonpath.Path // nil: the whole event
	template *template
}

// template is a compiled InputTemplate. See the EventBridge user guide,
// "Transforming Amazon EventBridge target input" (eb-transform-target-input).
type template struct {
	text   string
	isJSON bool // the template is a JSON object or array: the result must be JSON
	paths  map[string]jsonpath.Path
}

// variable is a placeholder in a template.
var variable = regexp.MustCompile(`<([A-Za-z0-9_.\-]+)>`)

// Variables that EventBridge defines in every template.
const (
	varRuleARN       = "aws.events.rule-arn"
	varRuleName      = "aws.events.rule-name"
	varEvent         = "aws.events.event"      // the event without its detail
	varEventJSON     = "aws.events.event.json" // the whole event
	varIngestionTime = "aws.events.event.ingestion-time"
)

var predefined = []string{varRuleARN, varRuleName, varEvent, varEventJSON, varIngestionTime}

func newInput(p TargetProperties) (input, error) {
	given := 0
	for _, is := range []bool{p.Input != "", p.InputPath != "", p.InputTransformer != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return input{}, errors.New("the properties Input, InputPath and InputTransformer exclude each other")
	}
	switch {
	case p.Input != "":
		if !json.Valid([]byte(p.Input)) {
			return input{}, errors.New("constant Input is not valid JSON")
		}
		return input{constant: []byte(p.Input)}, nil
	case p.InputPath != "":
		path, err := jsonpath.EventBridge.Parse(p.InputPath)
		if err != nil {
			return input{}, fmt.Errorf("property InputPath: %w", err)
		}
		return input{path: &path}, nil
	case p.InputTransformer != nil:
		t, err := newTemplate(*p.InputTransformer)
		if err != nil {
			return input{}, fmt.Errorf("property InputTransformer: %w", err)
		}
		return input{template: t}, nil
	}
	return input{}, nil
}

func newTemplate(p InputTransformerProperties) (*template, error) {
	t := &template{text: p.InputTemplate, paths: map[string]jsonpath.Path{}}
	var problems []error
	for name, text := range p.InputPathsMap {
		if strings.HasPrefix(name, "aws.") {
			problems = append(problems, fmt.Errorf("variable %q: names that start with aws. are reserved", name))
		}
		path, err := jsonpath.EventBridge.Parse(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("variable %q: %w", name, err))
		}
		t.paths[name] = path
	}
	if len(p.InputPathsMap) > 100 {
		problems = append(problems, fmt.Errorf("InputPathsMap has %d variables, 100 are allowed", len(p.InputPathsMap)))
	}
	if n := len(p.InputTemplate); n < 1 || n > 8192 {
		problems = append(problems, fmt.Errorf("InputTemplate has %d characters, 1 to 8192 are allowed", n))
	}
	for _, match := range variable.FindAllStringSubmatch(p.InputTemplate, -1) {
		if _, ok := t.paths[match[1]]; !ok && !slices.Contains(predefined, match[1]) {
			problems = append(problems, fmt.Errorf("InputTemplate uses <%s>, which InputPathsMap does not define", match[1]))
		}
	}
	trimmed := strings.TrimSpace(p.InputTemplate)
	t.isJSON = strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
	// Quotes are required around text, and JSON must be JSON, whatever the variables hold.
	sample := t.replace(func(_ string, quoted bool) string {
		if quoted {
			return "x"
		}
		return "0"
	})
	if err := jsonValues(sample, t.isJSON); err != nil {
		problems = append(problems, fmt.Errorf("InputTemplate: %w", err))
	}
	return t, errors.Join(problems...)
}

// jsonValues checks that text is one JSON value, or any number of them (lines of text,
// each in quotes) where one is not asked for.
func jsonValues(text string, one bool) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for n := 0; ; n++ {
		var value any
		err := d.Decode(&value)
		if err == io.EOF && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("neither JSON nor text in quotes: %w", err)
		}
		if one && n > 0 {
			return errors.New("more than one JSON value")
		}
	}
}

// replace replaces the variables by values. quoted is true for a variable inside a JSON
// string.
func (t *template) replace(value func(name string, quoted bool) string) string {
	var out strings.Builder
	quoted, end := false, 0
	for _, m := range variable.FindAllStringSubmatchIndex(t.text, -1) {
		between := t.text[end:m[0]]
		quoted = endsInString(between, quoted)
		out.WriteString(between)
		out.WriteString(value(t.text[m[2]:m[3]], quoted))
		end = m[1]
	}
	out.WriteString(t.text[end:])
	return out.String()
}

func endsInString(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		}
	}
	return quoted
}

// payload returns what the target receives. An error is permanent: the same event yields the
// same error again.
func (in input) payload(e delivered) ([]byte, error) {
	switch {
	case in.constant != nil:
		return in.constant, nil
	case in.path != nil:
		node, ok := in.path.FindText(e.event)
		if !ok {
			return nil, &DeliveryError{Code: CodeInvalidJSON, Message: "InputPath finds nothing in the event", Permanent: true}
		}
		return node, nil
	case in.template != nil:
		return in.template.fill(e)
	default:
		return e.event, nil
	}
}

// fill fills the template. In JSON, an object or array between quotes gives no JSON, and the event
// is not delivered (recorded on AWS in localstack/localstack,
// test_input_transformer_nested_keys_replacement_not_valid). Values are not escaped inside strings
// (eb-transform-target-input, "Common issues with transforming input"); JSON
// is minified, text keeps its quotes: an SNS topic gets "This event was …" with them (user
// guide, eb-input-transformer-tutorial).
func (t *template) fill(e delivered) ([]byte, error) {
	text := t.replace(func(name string, quoted bool) string { return t.value(e, name, quoted) })
	if !t.isJSON {
		return []byte(text), nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return nil, &DeliveryError{Code: CodeInvalidJSON, Message: "the transformed input is not valid JSON: " + err.Error(), Permanent: true}
	}
	return compact.Bytes(), nil
}

// value returns the text of one variable. One that the event does not have becomes an empty
// string: nothing within quotes, "" without.
func (t *template) value(e delivered, name string, quoted bool) string {
	var raw json.RawMessage
	switch name {
	case varRuleARN:
		raw = quote(e.rule.ARN)
	case varRuleName:
		raw = quote(e.rule.Name)
	case varIngestionTime:
		raw = quote(e.ingested.UTC().Format(eventTime))
	case varEvent:
		raw = withoutDetail(e.event)
	case varEventJSON:
		raw = e.event
	default:
		node, ok := t.paths[name].FindText(e.event)
		if !ok {
			node = json.RawMessage(`""`)
		}
		raw = node
	}
	if !quoted {
		return string(raw)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	if t.isJSON {
		return string(raw)
	}
	// An object or array inside a line of text loses its quotes, so the line stays a string.
	// Recorded on AWS in localstack/localstack, test_input_transformer_nested_keys_replacement.
	return strings.ReplaceAll(string(raw), `"`, "")
}

// withoutDetail returns the event as aws.events.event has it, where detail-type is detailType.
// Recorded on AWS in localstack/localstack, test_input_transformer_predefined_variables.
func withoutDetail(event []byte) json.RawMessage {
	members, names := map[string]json.RawMessage{}, [...]string{"version", "id", "detail-type", "source", "account", "time", "region", "resources"}
	_ = json.Unmarshal(event, &members) // it is an object
	var b bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&b, ",%s:%s", quote(strings.Replace(name, "detail-type", "detailType", 1)), members[name])
	}
	b.WriteByte('}')
	text := b.Bytes()
	text[0] = '{' // in place of the first comma
	return text
}

func quote(text string) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
