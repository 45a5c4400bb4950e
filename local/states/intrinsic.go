package states

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// intrinsics are the intrinsic functions that are supported (developer guide, "Intrinsic
// functions for JSONPath states in Step Functions"). Not supported: ArrayPartition, ArrayRange,
// ArrayUnique, MathRandom.
var intrinsics = map[string]func(arguments []any) (any, error){
	"States.Format":        format,
	"States.StringToJson":  stringToJSON,
	"States.JsonToString":  func(a []any) (any, error) { return encode(a[0]), nil },
	"States.JsonMerge":     jsonMerge,
	"States.Array":         func(a []any) (any, error) { return slices.Clone(a), nil },
	"States.ArrayLength":   arrayLength,
	"States.ArrayGetItem":  arrayGetItem,
	"States.ArrayContains": arrayContains,
	"States.StringSplit":   stringSplit,
	"States.MathAdd":       mathAdd,
	"States.Base64Encode":  base64Encode,
	"States.Base64Decode":  base64Decode,
	"States.Hash":          hash,
	"States.UUID":          func([]any) (any, error) { return uuid.NewString(), nil },
}

// arity is the number of arguments of each; functions that take any number are not here.
var arity = map[string]int{
	"States.StringToJson": 1, "States.JsonToString": 1, "States.JsonMerge": 3, "States.ArrayLength": 1,
	"States.ArrayGetItem": 2, "States.ArrayContains": 2, "States.StringSplit": 2, "States.MathAdd": 2,
	"States.Base64Encode": 1, "States.Base64Decode": 1, "States.Hash": 2, "States.UUID": 0,
}

func compileIntrinsic(text string) (expression, error) {
	p := &intrinsicParser{text: text}
	e, err := p.call(1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	if p.skipSpace(); p.at < len(text) {
		return nil, fmt.Errorf("%s: %q is left over", text, text[p.at:])
	}
	return e, nil
}

type intrinsicParser struct {
	text string
	at   int
}

func (p *intrinsicParser) skipSpace() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// skip skips the character and reports whether it was there.
func (p *intrinsicParser) skip(c byte) bool {
	p.skipSpace()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *intrinsicParser) call(depth int) (expression, error) {
	// "You can nest up to 10 intrinsic functions within a field".
	if depth > 10 {
		return nil, errors.New("more than 10 intrinsic functions are nested")
	}
	open := strings.IndexByte(p.text[p.at:], '(')
	if open < 0 {
		return nil, errors.New("a parenthesis is missing")
	}
	name := p.text[p.at : p.at+open]
	function, ok := intrinsics[name]
	if !ok {
		return nil, fmt.Errorf("intrinsic function %s is not supported", name)
	}
	p.at += open + 1
	var arguments []expression
	for !p.skip(')') {
		if len(arguments) > 0 && !p.skip(',') {
			return nil, errors.New("a comma or parenthesis is missing")
		}
		e, err := p.argument(depth)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, e)
	}
	if want, fixed := arity[name]; fixed && len(arguments) != want {
		return nil, fmt.Errorf("%s takes %d arguments, not %d", name, want, len(arguments))
	}
	return func(input, context any) (any, error) {
		values, err := evaluateAll(arguments, input, context)
		if err != nil {
			return nil, err
		}
		value, err := function(values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return value, nil
	}, nil
}

func (p *intrinsicParser) argument(depth int) (expression, error) {
	p.skipSpace()
	rest := p.text[p.at:]
	switch {
	case strings.HasPrefix(rest, "'"):
		text, err := p.quoted()
		return literal(text), err
	case strings.HasPrefix(rest, "States."):
		return p.call(depth + 1)
	}
	// Commas within the brackets and quotes of a path are not supported.
	end := strings.IndexAny(rest, ",)")
	if end < 0 {
		return nil, errors.New("a parenthesis is missing")
	}
	token := strings.TrimSpace(rest[:end])
	p.at += end
	if strings.HasPrefix(token, "$") {
		return compileExpression(token)
	}
	value, err := decode([]byte(token))
	if err != nil {
		return nil, fmt.Errorf("argument %q is no path, string in single quotes, number, boolean or null", token)
	}
	return literal(value), nil
}

// quoted reads a string in single quotes. \' is a quote; other escapes stay, so that
// Format sees which braces are literal.
func (p *intrinsicParser) quoted() (string, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\'':
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text):
			i++
			if p.text[i] != '\'' {
				b.WriteByte('\\')
			}
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a string does not end")
}

// format fills each {} of the first argument with the next one.
func format(arguments []any) (any, error) {
	if len(arguments) == 0 {
		return nil, errors.New("needs a template")
	}
	template, ok := arguments[0].(string)
	if !ok {
		return nil, errors.New("the template is not a string")
	}
	arguments = arguments[1:]
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		switch {
		case template[i] == '\\' && i+1 < len(template):
			i++
			b.WriteByte(template[i])
		case strings.HasPrefix(template[i:], "{}"):
			if len(arguments) == 0 {
				return nil, errors.New("there are more {} than arguments")
			}
			b.WriteString(formatted(arguments[0]))
			arguments = arguments[1:]
			i++
		default:
			b.WriteByte(template[i])
		}
	}
	if len(arguments) > 0 {
		return nil, errors.New("there are more arguments than {}")
	}
	return b.String(), nil
}

// formatted is the text of an argument of States.Format: of an object or array that of Java,
// {a=1, b=[x, y]}. Recorded on AWS in localstack/localstack, test_format_2. There, the members have
// the order of the input; here they are sorted.
func formatted(value any) string {
	var parts []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+"="+formatted(v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, element := range v {
			parts = append(parts, formatted(element))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return text(value)
	}
}

// stringToJSON yields null for a string without text, as localstack/localstack recorded it on AWS
// in test_string_to_json.
func stringToJSON(arguments []any) (any, error) {
	s, ok := arguments[0].(string)
	if !ok {
		return nil, errors.New("the argument is not a string")
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	return decode([]byte(s))
}

func jsonMerge(arguments []any) (any, error) {
	first, ok1 := arguments[0].(map[string]any)
	second, ok2 := arguments[1].(map[string]any)
	if !ok1 || !ok2 || arguments[2] != false {
		return nil, errors.New("takes two objects and false: only shallow merging exists")
	}
	merged := maps.Clone(first)
	maps.Copy(merged, second)
	return merged, nil
}

func arrayLength(arguments []any) (any, error) {
	array, ok := arguments[0].([]any)
	if !ok {
		return nil, errors.New("the argument is not an array")
	}
	return json.Number(fmt.Sprint(len(array))), nil
}

func arrayGetItem(arguments []any) (any, error) {
	array, ok := arguments[0].([]any)
	if !ok {
		return nil, errors.New("the first argument is not an array")
	}
	number, _ := arguments[1].(json.Number)
	index, err := number.Int64()
	if err != nil || index < 0 || index >= int64(len(array)) {
		return nil, fmt.Errorf("index %v is not within 0 to %d", arguments[1], len(array)-1)
	}
	return array[index], nil
}

func arrayContains(arguments []any) (any, error) {
	array, ok := arguments[0].([]any)
	if !ok {
		return nil, errors.New("the first argument is not an array")
	}
	wanted := encode(arguments[1])
	return slices.ContainsFunc(array, func(element any) bool { return encode(element) == wanted }), nil
}

// stringSplit splits at any of the characters of the second argument, and has no
// empty parts.
func stringSplit(arguments []any) (any, error) {
	s, ok1 := arguments[0].(string)
	separators, ok2 := arguments[1].(string)
	if !ok1 || !ok2 {
		return nil, errors.New("takes two strings")
	}
	parts := []any{}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		parts = append(parts, part)
	}
	return parts, nil
}

// mathAdd rounds its arguments, a half towards positive infinity. Recorded on AWS in
// localstack/localstack, test_math_add.
func mathAdd(arguments []any) (any, error) {
	sum := new(big.Int)
	for _, argument := range arguments {
		number, ok := argument.(json.Number)
		n, isInteger := new(big.Int).SetString(number.String(), 10)
		if f, err := number.Float64(); !isInteger && (!ok || err != nil || math.Abs(f) > math.MaxInt64) {
			return nil, fmt.Errorf("%v is not an integer", argument)
		} else if !isInteger {
			n = big.NewInt(int64(math.Floor(f + 0.5)))
		}
		sum.Add(sum, n)
	}
	return json.Number(sum.String()), nil
}

func base64Encode(arguments []any) (any, error) {
	s, ok := arguments[0].(string)
	if !ok {
		return nil, errors.New("the argument is not a string")
	}
	return base64.StdEncoding.EncodeToString([]byte(s)), nil
}

func base64Decode(arguments []any) (any, error) {
	s, ok := arguments[0].(string)
	if !ok {
		return nil, errors.New("the argument is not a string")
	}
	decoded, err := base64.StdEncoding.DecodeString(s)
	return string(decoded), err
}

func hash(arguments []any) (any, error) {
	data := []byte(text(arguments[0]))
	var sum []byte
	switch arguments[1] {
	case "MD5":
		s := md5.Sum(data)
		sum = s[:]
	case "SHA-1":
		s := sha1.Sum(data)
		sum = s[:]
	case "SHA-256":
		s := sha256.Sum256(data)
		sum = s[:]
	case "SHA-384":
		s := sha512.Sum384(data)
		sum = s[:]
	case "SHA-512":
		s := sha512.Sum512(data)
		sum = s[:]
	default:
		return nil, fmt.Errorf("algorithm %v does not exist", arguments[1])
	}
	return hex.EncodeToString(sum), nil
}
