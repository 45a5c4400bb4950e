package schedule

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrExpression is wrapped by the error of an invalid schedule expression.
var ErrExpression = errors.New("schedule expression")

// Expression is a parsed rate(...) or cron(...): EventBridge user guide, "Creating a rule
// that runs on a schedule" (eb-create-rule-schedule).
type Expression struct {
	rate time.Duration // 0 for cron

	minutes, hours, months, years []int
	days                          []func(time.Time) bool // day of month and day of week
}

var (
	rateSyntax = regexp.MustCompile(`^rate\((\d+) (minute|hour|day)(s?)\)$`)
	cronSyntax = regexp.MustCompile(`^cron\((.+)\)$`)
)

var units = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// Parse parses a schedule expression. The error wraps ErrExpression.
func Parse(text string) (Expression, error) {
	if m := rateSyntax.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > 100_000 {
			return Expression{}, fmt.Errorf("%w %q: the value must be 1 to 100000", ErrExpression, text)
		}
		if (n == 1) == (m[3] == "s") {
			return Expression{}, fmt.Errorf("%w %q: the unit is singular for 1 and plural otherwise", ErrExpression, text)
		}
		return Expression{rate: time.Duration(n) * units[m[2]]}, nil
	}
	m := cronSyntax.FindStringSubmatch(text)
	if m == nil {
		return Expression{}, fmt.Errorf("%w %q: neither rate(value unit) nor cron(six fields)", ErrExpression, text)
	}
	e, err := parseCron(m[1])
	if err != nil {
		return Expression{}, fmt.Errorf("%w %q: %w", ErrExpression, text, err)
	}
	return e, nil
}

// Next returns the first time after the given one. A rate counts from since. It returns false
// when the years of a cron expression have passed.
func (e Expression) Next(since, after time.Time) (time.Time, bool) {
	if e.rate > 0 {
		if after.Before(since) {
			return since.Add(e.rate), true
		}
		return since.Add((after.Sub(since)/e.rate + 1) * e.rate), true
	}
	after = after.UTC()
	last := e.years[len(e.years)-1]
	for day := after.Truncate(24 * time.Hour); day.Year() <= last; day = day.AddDate(0, 0, 1) {
		if !e.runsOn(day) {
			continue
		}
		for _, hour := range e.hours {
			for _, minute := range e.minutes {
				at := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
				if at.After(after) {
					return at, true
				}
			}
		}
	}
	return time.Time{}, false
}

func (e Expression) runsOn(day time.Time) bool {
	return slices.Contains(e.years, day.Year()) && slices.Contains(e.months, int(day.Month())) &&
		!slices.ContainsFunc(e.days, func(accepts func(time.Time) bool) bool { return !accepts(day) })
}

// field is one of the six fields of a cron expression.
type field struct {
	name        string
	least, most int
	names       []string // of least and the following values
	special     *regexp.Regexp
}

var fields = []field{
	{name: "minutes", most: 59},
	{name: "hours", most: 23},
	{name: "day of month", least: 1, most: 31, special: regexp.MustCompile(`^(L|([1-9]|[12]\d|3[01])W)$`)},
	{name: "month", least: 1, most: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of week", least: 1, most: 7, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, special: regexp.MustCompile(`^(L|[1-7]L|[1-7]#[1-5])$`)},
	{name: "year", least: 1970, most: 2199},
}

const dayOfMonth, dayOfWeek = 2, 4

func parseCron(text string) (Expression, error) {
	parts := strings.Fields(strings.ToUpper(text))
	if len(parts) != len(fields) {
		return Expression{}, fmt.Errorf("has %d fields, cron has 6", len(parts))
	}
	if (parts[dayOfMonth] == "?") == (parts[dayOfWeek] == "?") {
		return Expression{}, errors.New("exactly one of day of month and day of week must be ?")
	}
	var e Expression
	for i, part := range parts {
		f := fields[i]
		if part == "?" && f.special != nil {
			continue
		}
		if f.special != nil && f.special.MatchString(part) {
			e.days = append(e.days, specialDay(i, part))
			continue
		}
		values, err := f.values(part)
		if err != nil {
			return Expression{}, fmt.Errorf("%s %q: %w", f.name, part, err)
		}
		switch i {
		case 0:
			e.minutes = values
		case 1:
			e.hours = values
		case dayOfMonth:
			e.days = append(e.days, func(day time.Time) bool { return slices.Contains(values, day.Day()) })
		case 3:
			e.months = values
		case dayOfWeek:
			e.days = append(e.days, func(day time.Time) bool { return slices.Contains(values, weekday(day)) })
		default:
			e.years = values
		}
	}
	return e, nil
}

// weekday returns the day of the week from 1, Sunday, to 7.
func weekday(day time.Time) int { return int(day.Weekday()) + 1 }

func lastOfMonth(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// specialDay is L or 15W as day of month, L, 6L or 3#2 as day of week.
func specialDay(i int, part string) func(time.Time) bool {
	n, _ := strconv.Atoi(strings.TrimRight(part[:len(part)-1], "#"))
	switch {
	case i == dayOfMonth && part == "L":
		return func(day time.Time) bool { return day.Day() == lastOfMonth(day) }
	case i == dayOfMonth: // W
		return func(day time.Time) bool { return day.Day() == nearestWeekday(day, n) }
	case part == "L": // the last day of the week is Saturday
		return func(day time.Time) bool { return weekday(day) == 7 }
	case strings.HasSuffix(part, "L"):
		return func(day time.Time) bool { return weekday(day) == n && day.Day()+7 > lastOfMonth(day) }
	default: // 3#2
		nth := int(part[len(part)-1] - '0')
		return func(day time.Time) bool { return weekday(day) == n && (day.Day()+6)/7 == nth }
	}
}

// nearestWeekday is the day from Monday to Friday that is nearest to day n, within the month
// of the given day; 0 when the month has no such day.
func nearestWeekday(day time.Time, n int) int {
	last := lastOfMonth(day)
	if n > last {
		return 0
	}
	switch time.Date(day.Year(), day.Month(), n, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == last {
			return n - 2
		}
		return n + 1
	default:
		return n
	}
}

// values returns the values of a field: parts separated by commas, each a value, a range or
// all, with or without an increment.
func (f field) values(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		span, increment, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(increment); err != nil || step < 1 {
				return nil, fmt.Errorf("increment %q is not a positive number", increment)
			}
		}
		first, last, ranged := strings.Cut(span, "-")
		from, to := f.least, f.most
		if span != "*" {
			var err error
			if from, err = f.value(first); err != nil {
				return nil, err
			}
			switch {
			case ranged:
				if to, err = f.value(last); err != nil {
					return nil, err
				}
			case !stepped:
				to = from
			}
		}
		if to < from { // 20-2, FRI-MON
			to += f.most - f.least + 1
		}
		for v := from; v <= to; v += step {
			all = append(all, (v-f.least)%(f.most-f.least+1)+f.least)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (f field) value(text string) (int, error) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.least + i, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.least || v > f.most {
		return 0, fmt.Errorf("%q is not %d to %d", text, f.least, f.most)
	}
	return v, nil
}
