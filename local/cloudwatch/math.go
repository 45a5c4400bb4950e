package cloudwatch

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// missing is a data point that does not exist. A result that is not finite is dropped, as that of
// a division by zero is.
var missing = math.NaN()

func exists(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// points is a time series over an alarm's evaluated range, oldest first.
type points []float64

func (p points) empty() bool { return !slices.ContainsFunc(p, exists) }

// value is what an expression yields: a scalar, a time series or an array of them, in the
// documentation S, TS and TS[].
type value struct {
	scalar *float64
	series points
	array  []points
	labels []string // of the members of an array that a search found
}

func scalar(f float64) value   { return value{scalar: &f} }
func (v value) isSeries() bool { return v.series != nil }
func (v value) isArray() bool  { return v.scalar == nil && v.series == nil }
func (v value) all() []points {
	if v.isSeries() {
		return []points{v.series}
	}
	return v.array
}

// kind names the value's type as the documentation does.
func (v value) kind() string {
	switch {
	case v.scalar != nil:
		return "S"
	case v.isSeries():
		return "TS"
	default:
		return "TS[]"
	}
}

// environment is what an expression refers to.
type environment struct {
	length  int   // data points of every series
	period  int64 // in seconds
	resolve func(id string) (value, error)
	metrics []string // ids of the metrics, not those of expressions, in their order
	// search finds metrics. It is nil in an alarm, which may not search.
	search func(pattern searchPattern, s statistic, period int64) (all []points, labels []string)
}

var (
	errNotSupported = errors.New("is not supported")
	errArguments    = errors.New("wrong arguments")
)

func (e environment) evaluate(n node) (value, error) {
	switch n := n.(type) {
	case number:
		return scalar(float64(n)), nil
	case word:
		return e.resolve(string(n))
	case list:
		array := value{array: []points{}}
		for _, member := range n {
			v, err := e.evaluate(member)
			if err != nil {
				return v, err
			}
			if v.scalar != nil {
				return v, errors.New("an array has time series only")
			}
			array.array = append(array.array, v.all()...)
		}
		return array, nil
	case unary:
		v, err := e.evaluate(n.operand)
		if err != nil {
			return v, err
		}
		return v.each(func(f float64) float64 { return -f }), nil
	case binary:
		left, err := e.evaluate(n.left)
		if err != nil {
			return left, err
		}
		right, err := e.evaluate(n.right)
		if err != nil {
			return right, err
		}
		return operate(operators[n.operator], left, right)
	case call:
		function, known := functions[n.function]
		if !known {
			return value{}, fmt.Errorf("function %s %w", n.function, errNotSupported)
		}
		v, err := function(e, n.arguments)
		if err != nil {
			return v, fmt.Errorf("%s: %w", n.function, err)
		}
		return v, nil
	default: // a text outside METRICS
		return value{}, fmt.Errorf("%v: %w", n, errArguments)
	}
}

// each applies f to every data point that exists.
func (v value) each(f func(float64) float64) value {
	if v.scalar != nil {
		return scalar(f(*v.scalar))
	}
	apply := func(p points) points {
		result := make(points, len(p))
		for i := range p {
			if result[i] = missing; exists(p[i]) {
				result[i] = f(p[i])
			}
		}
		return result
	}
	if v.isSeries() {
		return value{series: apply(v.series)}
	}
	result := value{array: []points{}}
	for _, p := range v.array {
		result.array = append(result.array, apply(p))
	}
	return result
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var operators = map[string]func(a, b float64) float64{
	"+": func(a, b float64) float64 { return a + b },
	"-": func(a, b float64) float64 { return a - b },
	"*": func(a, b float64) float64 { return a * b },
	"/": func(a, b float64) float64 { return a / b },
	"^": math.Pow,

	"==": func(a, b float64) float64 { return truth(a == b) },
	"!=": func(a, b float64) float64 { return truth(a != b) },
	"<":  func(a, b float64) float64 { return truth(a < b) },
	"<=": func(a, b float64) float64 { return truth(a <= b) },
	">":  func(a, b float64) float64 { return truth(a > b) },
	">=": func(a, b float64) float64 { return truth(a >= b) },
	"&&": func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"||": func(a, b float64) float64 { return truth(a != 0 || b != 0) },
}

// operate applies an operator. "When comparison operators are used between two time series, and
// only one of the time series has a value for a particular time stamp, the function treats the
// missing value in the other time series as 0", and so do the arithmetic ones. Where both have
// none, and beside a scalar, the result has none.
func operate(apply func(a, b float64) float64, left, right value) (value, error) {
	switch {
	case left.scalar != nil && right.scalar != nil:
		return scalar(apply(*left.scalar, *right.scalar)), nil
	case left.scalar != nil:
		return right.each(func(f float64) float64 { return apply(*left.scalar, f) }), nil
	case right.scalar != nil:
		return left.each(func(f float64) float64 { return apply(f, *right.scalar) }), nil
	case left.isArray() && right.isArray():
		return value{}, fmt.Errorf("an operator between two arrays %w", errNotSupported)
	}
	both := func(a, b points) points {
		result := make(points, len(a))
		for i := range a {
			switch x, y := a[i], b[i]; {
			case !exists(x) && !exists(y):
				result[i] = missing
			case !exists(x):
				result[i] = apply(0, y)
			case !exists(y):
				result[i] = apply(x, 0)
			default:
				result[i] = apply(x, y)
			}
		}
		return result
	}
	if left.isSeries() && right.isSeries() {
		return value{series: both(left.series, right.series)}, nil
	}
	result := value{array: []points{}}
	for _, a := range left.all() {
		for _, b := range right.all() {
			result.array = append(result.array, both(a, b))
		}
	}
	return result, nil
}

type function func(e environment, arguments []node) (value, error)

// Functions returns the names of the supported functions, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

var functions map[string]function

func init() { // not a literal: the functions evaluate their arguments, and so refer to it
	functions = map[string]function{
		"ABS": pointwise(math.Abs), "CEIL": pointwise(math.Ceil), "FLOOR": pointwise(math.Floor),
		"SUM":  aggregate(func(f []float64, _ int) float64 { return sum(f) }),
		"AVG":  aggregate(func(f []float64, of int) float64 { return sum(f) / float64(of) }),
		"MIN":  aggregate(func(f []float64, _ int) float64 { return slices.Min(f) }),
		"MAX":  aggregate(func(f []float64, _ int) float64 { return slices.Max(f) }),
		"DIFF": differences(func(difference, _ float64) float64 { return difference }),
		"RATE": differences(func(difference, seconds float64) float64 { return difference / seconds }),
		"FILL": fill, "IF": conditional, "SEARCH": search, "METRICS": metrics, "PERIOD": period, "TIME_SERIES": timeSeries,
	}
}

// one evaluates the only argument of a function.
func (e environment) one(arguments []node) (value, error) {
	if len(arguments) != 1 {
		return value{}, fmt.Errorf("%w: want one, got %d", errArguments, len(arguments))
	}
	return e.evaluate(arguments[0])
}

// series is one for functions of TS and TS[].
func (e environment) series(arguments []node) (value, error) {
	v, err := e.one(arguments)
	if err == nil && v.scalar != nil {
		err = fmt.Errorf("%w: want TS or TS[], got S", errArguments)
	}
	return v, err
}

func pointwise(f func(float64) float64) function {
	return func(e environment, arguments []node) (value, error) {
		v, err := e.series(arguments)
		if err != nil {
			return v, err
		}
		return v.each(f), nil
	}
}

func sum(all []float64) (total float64) {
	for _, f := range all {
		total += f
	}
	return total
}

// aggregate makes a scalar of a time series, and one time series of an array: at each time, f of
// the values that exist and of the number of series. AVG documents that missing values count as
// 0; for the others, they have no effect on a sum and are not among the values.
func aggregate(f func(existing []float64, of int) float64) function {
	return func(e environment, arguments []node) (value, error) {
		v, err := e.series(arguments)
		if err != nil {
			return v, err
		}
		combine := func(all []float64) float64 {
			existing := slices.DeleteFunc(slices.Clone(all), func(f float64) bool { return !exists(f) })
			if len(existing) == 0 {
				return missing
			}
			return f(existing, len(all))
		}
		if v.isSeries() {
			return scalar(combine(v.series)), nil
		}
		result := make(points, e.length)
		for i := range result {
			var at []float64
			for _, p := range v.array {
				at = append(at, p[i])
			}
			result[i] = combine(at)
		}
		return value{series: result}, nil
	}
}

// differences applies f to the difference between a value and the one before it, and to the
// seconds between them.
func differences(f func(difference, seconds float64) float64) function {
	return func(e environment, arguments []node) (value, error) {
		v, err := e.series(arguments)
		if err != nil {
			return v, err
		}
		apply := func(p points) points {
			result, before := make(points, len(p)), -1
			for i := range p {
				if result[i] = missing; !exists(p[i]) {
					continue
				}
				if before >= 0 {
					result[i] = f(p[i]-p[before], float64(int64(i-before)*e.period))
				}
				before = i
			}
			return result
		}
		if v.isSeries() {
			return value{series: apply(v.series)}, nil
		}
		result := value{array: []points{}}
		for _, p := range v.array {
			result.array = append(result.array, apply(p))
		}
		return result, nil
	}
}

// fill is FILL: with a scalar, with the values of another series, with the value before (REPEAT),
// or on the line between the values at both ends of the gap (LINEAR).
func fill(e environment, arguments []node) (value, error) {
	if len(arguments) != 2 {
		return value{}, fmt.Errorf("%w: want two, got %d", errArguments, len(arguments))
	}
	v, err := e.series(arguments[:1])
	if err != nil {
		return v, err
	}
	var filler func(p points, i int) float64
	switch how := arguments[1]; how {
	case word("REPEAT"):
		filler = repeated
	case word("LINEAR"):
		filler = interpolated
	default:
		with, err := e.evaluate(how)
		switch {
		case err != nil:
			return with, err
		case with.scalar != nil:
			filler = func(points, int) float64 { return *with.scalar }
		case with.isSeries():
			filler = func(_ points, i int) float64 { return with.series[i] }
		default:
			return with, fmt.Errorf("%w: the filler is an array", errArguments)
		}
	}
	apply := func(p points) points {
		if p.empty() { // see the package's documentation
			return p
		}
		result := slices.Clone(p)
		for i := range p {
			if !exists(p[i]) {
				result[i] = filler(p, i)
			}
		}
		return result
	}
	if v.isSeries() {
		return value{series: apply(v.series)}, nil
	}
	result := value{array: []points{}}
	for _, p := range v.array {
		result.array = append(result.array, apply(p))
	}
	return result, nil
}

func repeated(p points, i int) float64 {
	for ; i >= 0; i-- {
		if exists(p[i]) {
			return p[i]
		}
	}
	return missing
}

func interpolated(p points, i int) float64 {
	from, to := i, i
	for from >= 0 && !exists(p[from]) {
		from--
	}
	for to < len(p) && !exists(p[to]) {
		to++
	}
	if from < 0 || to == len(p) {
		return missing
	}
	return p[from] + (p[to]-p[from])*float64(i-from)/float64(to-from)
}

// conditional is IF(condition, trueValue[, falseValue]): "using IF expressions" in the
// documentation of metric math. A data point without a condition is dropped; one that is true
// without a value is 0; one that is false without a value is dropped.
func conditional(e environment, arguments []node) (value, error) {
	if len(arguments) != 2 && len(arguments) != 3 {
		return value{}, fmt.Errorf("%w: want two or three, got %d", errArguments, len(arguments))
	}
	var values [3]value
	values[2] = scalar(missing)
	for i, argument := range arguments {
		v, err := e.evaluate(argument)
		if err != nil {
			return v, err
		}
		if v.isArray() {
			return v, fmt.Errorf("%w: an array", errArguments)
		}
		values[i] = v
	}
	at := func(v value, i int) float64 {
		if v.scalar != nil {
			return *v.scalar
		}
		return v.series[i]
	}
	if values[0].scalar != nil && values[1].scalar != nil && values[2].scalar != nil {
		return value{}, fmt.Errorf("%w: want a time series among them", errArguments)
	}
	result := make(points, e.length)
	for i := range result {
		condition := at(values[0], i)
		switch {
		case !exists(condition):
			result[i] = missing
		case condition == 0:
			result[i] = at(values[2], i)
		default:
			result[i] = at(values[1], i)
			if !exists(result[i]) && values[0].scalar == nil {
				result[i] = 0
			}
		}
	}
	return value{series: result}, nil
}

// metrics is METRICS(), or METRICS("part") for those with part in their id.
func metrics(e environment, arguments []node) (value, error) {
	part := text("")
	if len(arguments) == 1 {
		var isText bool
		if part, isText = arguments[0].(text); !isText {
			return value{}, fmt.Errorf("%w: want a text", errArguments)
		}
	} else if len(arguments) > 1 {
		return value{}, fmt.Errorf("%w: want at most one", errArguments)
	}
	result := value{array: []points{}}
	for _, id := range e.metrics {
		if !strings.Contains(id, string(part)) {
			continue
		}
		v, err := e.resolve(id)
		if err != nil {
			return v, err
		}
		result.array = append(result.array, v.series)
	}
	return result, nil
}

// period is PERIOD(metric), in seconds.
func period(e environment, arguments []node) (value, error) {
	if len(arguments) == 1 {
		if id, isWord := arguments[0].(word); isWord && slices.Contains(e.metrics, string(id)) {
			return scalar(float64(e.period)), nil
		}
	}
	return value{}, fmt.Errorf("%w: want the id of a metric", errArguments)
}

// timeSeries is TIME_SERIES(scalar), which has that value at every time.
func timeSeries(e environment, arguments []node) (value, error) {
	v, err := e.one(arguments)
	if err != nil {
		return v, err
	}
	if v.scalar == nil {
		return v, fmt.Errorf("%w: want a scalar", errArguments)
	}
	return value{series: slices.Repeat(points{*v.scalar}, e.length)}, nil
}
