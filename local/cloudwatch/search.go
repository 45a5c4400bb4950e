package cloudwatch

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// searchPattern is the search of SEARCH: metrics of a namespace with exactly these dimensions, of
// which some, or the name, have a value.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
type searchPattern struct {
	namespace  string
	dimensions []string          // names, sorted
	terms      map[string]string // by dimension, or MetricName
}

var (
	searchSchema = regexp.MustCompile(`^\s*\{([^{}]+)\}\s*`)
	searchTerm   = regexp.MustCompile(`^(?:AND\s+)?([A-Za-z0-9_.:-]+)\s*=\s*"([^"]*)"\s*`)
)

// parseSearch parses a search. Exact terms (Name="value") joined by AND, which may be left out, are supported.
func parseSearch(text string) (searchPattern, error) {
	p := searchPattern{terms: map[string]string{}}
	schema := searchSchema.FindStringSubmatch(text)
	if schema == nil {
		return p, fmt.Errorf("a search without a schema such as {Namespace,Dimension} %w", errNotSupported)
	}
	parts := strings.Split(schema[1], ",")
	for i := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(parts[i]), `"`)
	}
	p.namespace, p.dimensions = parts[0], slices.Sorted(slices.Values(parts[1:]))
	for rest := text[len(schema[0]):]; rest != ""; {
		term := searchTerm.FindStringSubmatch(rest)
		if term == nil {
			return p, fmt.Errorf("the search term %q %w: want Name=\"value\"", rest, errNotSupported)
		}
		if term[1] != "MetricName" && !slices.Contains(p.dimensions, term[1]) {
			return p, fmt.Errorf("the search term %s is not in the schema {%s}", term[1], schema[1])
		}
		p.terms[term[1]] = term[2]
		rest = rest[len(term[0]):]
	}
	if p.terms["MetricName"] == "" {
		return p, fmt.Errorf("a search without MetricName %w", errNotSupported)
	}
	return p, nil
}

// find returns the metrics that a search finds, with a label for each: the values of the dimensions that
// the search leaves open.
func (s *Store) find(p searchPattern) (metrics []Metric, labels []string) {
	for _, m := range s.named(p.namespace, p.terms["MetricName"]) {
		_, _, dimensions := m.parts()
		var names, open []string
		matches := true
		for _, d := range dimensions {
			names = append(names, d.Name)
			if want, has := p.terms[d.Name]; !has {
				open = append(open, d.Value)
			} else if want != d.Value {
				matches = false
			}
		}
		if matches && slices.Equal(names, p.dimensions) {
			metrics, labels = append(metrics, m), append(labels, strings.Join(open, " "))
		}
	}
	return metrics, labels
}

// search is SEARCH('{Namespace,Dimension} Name="value"', 'Statistic'[, period]).
func search(e environment, arguments []node) (value, error) {
	if e.search == nil {
		return value{}, errors.New("an alarm may not search")
	}
	if len(arguments) != 2 && len(arguments) != 3 {
		return value{}, fmt.Errorf("%w: want two or three, got %d", errArguments, len(arguments))
	}
	pattern, isText := arguments[0].(text)
	stat, isStat := arguments[1].(text)
	if !isText || !isStat {
		return value{}, fmt.Errorf("%w: want a search and a statistic in quotes", errArguments)
	}
	if len(arguments) == 3 {
		if period, isNumber := arguments[2].(number); !isNumber || int64(period) != e.period {
			return value{}, fmt.Errorf("a period other than the expression's, %d s, %w", e.period, errNotSupported)
		}
	}
	p, errPattern := parseSearch(string(pattern))
	s, errStat := parseStatistic(string(stat))
	if err := errors.Join(errPattern, errStat); err != nil {
		return value{}, err
	}
	result := value{array: []points{}}
	result.array, result.labels = e.search(p, s, e.period)
	return result, nil
}
