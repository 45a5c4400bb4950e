package cloudwatch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The expressions are parsed here. Go's expression libraries (expr-lang/expr, google/cel-go) have
// neither AND and OR as words nor ^ as a power, and their operators know no missing values.

// node is an expression.
type node interface{}

type (
	number float64
	text   string // "errors" in METRICS("errors")
	word   string // an id, or REPEAT and LINEAR in FILL
	list   []node
	unary  struct{ operand node } // the minus
	binary struct {
		operator    string
		left, right node
	}
	call struct {
		function  string
		arguments []node
	}
)

// token matches one token with the space before it.
var token = regexp.MustCompile(`^\s*(?:([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)|([A-Za-z][A-Za-z0-9_]*)|("[^"]*"|'[^']*')|(==|!=|<=|>=|&&|\|\||[-+*/^()\[\],<>]))`)

type parser struct {
	rest string
	// The current token: its kind is the group of token that matched it, 0 at the end.
	kind int
	text string
	err  error
}

// parse parses an expression.
func parse(expression string) (node, error) {
	p := &parser{rest: expression}
	p.next()
	n := p.expression(0)
	if p.err == nil && p.kind != 0 {
		p.fail("unexpected %q", p.text)
	}
	if p.err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, p.err)
	}
	return n, nil
}

const (
	isNumber = iota + 1
	isWord
	isText
	isOperator
)

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.kind, p.text, p.rest = 0, "", ""
}

func (p *parser) next() {
	p.kind, p.text = 0, ""
	if strings.TrimSpace(p.rest) == "" {
		return
	}
	match := token.FindStringSubmatch(p.rest)
	if match == nil {
		p.fail("unexpected %q", strings.TrimSpace(p.rest)[:1])
		return
	}
	p.rest = p.rest[len(match[0]):]
	for kind := isNumber; kind <= isOperator; kind++ {
		if match[kind] != "" {
			p.kind, p.text = kind, match[kind]
		}
	}
	switch { // AND and OR are operators
	case p.kind == isWord && p.text == "AND":
		p.kind, p.text = isOperator, "&&"
	case p.kind == isWord && p.text == "OR":
		p.kind, p.text = isOperator, "||"
	}
}

// precedence of the binary operators. The documentation gives none: this is that of every
// language that has them.
var precedence = map[string]int{
	"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "^": 7,
}

const unaryPrecedence = 6

func (p *parser) expression(least int) node {
	left := p.operand()
	for p.kind == isOperator {
		operator := p.text
		level := precedence[operator]
		if level == 0 || level < least {
			return left
		}
		p.next()
		right := level + 1
		if operator == "^" { // right-associative
			right = level
		}
		left = binary{operator, left, p.expression(right)}
	}
	return left
}

func (p *parser) operand() node {
	kind, value := p.kind, p.text
	p.next()
	switch {
	case kind == isNumber:
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			p.fail("number %s", value)
		}
		return number(f)
	case kind == isText:
		return text(value[1 : len(value)-1])
	case kind == isWord && p.kind == isOperator && p.text == "(":
		p.next()
		return call{value, p.arguments(")")}
	case kind == isWord:
		return word(value)
	case value == "-":
		return unary{p.expression(unaryPrecedence)}
	case value == "[":
		return list(p.arguments("]"))
	case value == "(":
		n := p.expression(0)
		p.expect(")")
		return n
	case kind == 0:
		p.fail("unexpected end")
	default:
		p.fail("unexpected %q", value)
	}
	return nil
}

// arguments parses a list up to its closing bracket.
func (p *parser) arguments(closing string) (all []node) {
	if p.kind == isOperator && p.text == closing {
		p.next()
		return nil
	}
	for p.err == nil {
		all = append(all, p.expression(0))
		if p.kind != isOperator || p.text != "," {
			p.expect(closing)
			break
		}
		p.next()
	}
	return all
}

func (p *parser) expect(closing string) {
	if p.err == nil && (p.kind != isOperator || p.text != closing) {
		p.fail("want %q, got %q", closing, p.text)
		return
	}
	p.next()
}
