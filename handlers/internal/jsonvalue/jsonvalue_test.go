package jsonvalue_test

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/jsonvalue"
)

func TestAppend(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"sorted names", `{"b":1,"a":{"d":1,"c":2}}`, `{"a":{"c":2,"d":1},"b":1}`},
		{"no white space", " [ 1 ,\n2 ] ", `[1,2]`},
		{"reduced numbers", `[1.50,1e2,-0,0.0,1e60]`, `[1.5,100,0,0,1E+60]`},
		{"exact numbers", `[12345678901234567890,0.1234567890123456789]`, `[12345678901234567890,0.1234567890123456789]`},
		{"shortest escapes", `"\u0041\/\u000a\u0000\ud83d\ude00<"`, `"A/\n\u0000😀<"`},
		{"literals", `[null,true,false]`, `[null,true,false]`},
		{"empty", `[{},[],""]`, `[{},[],""]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value, err := jsonvalue.Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(jsonvalue.Append(nil, value)); got != tt.want {
				t.Errorf("%s becomes %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestParseError(t *testing.T) {
	for _, in := range []string{``, `{`, `1 2`, `{"a":1,"a":2}`, `[1e999]`, "\"\xff\""} {
		if value, err := jsonvalue.Parse([]byte(in)); err == nil {
			t.Errorf("Parse(%s) = %v", in, value)
		}
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name, in string
		limits   jsonvalue.Limits
		want     []jsontext.Pointer
	}{
		{"no limits", `[[[[{"":1}]]]]`, jsonvalue.Limits{}, nil},
		{"depth in lists", `[1,[2,[3]],4]`, jsonvalue.Limits{Depth: 2}, []jsontext.Pointer{"/1/1"}},
		{"depth in objects", `{"a":{"b":{}},"c":[[]]}`, jsonvalue.Limits{Depth: 2}, []jsontext.Pointer{"/a/b", "/c/0"}},
		{"values", `[1,{"a":2},3]`, jsonvalue.Limits{Values: 4}, []jsontext.Pointer{"/2"}},
		{"names", `{"":1,"abc":{"abcd":1}}`, jsonvalue.Limits{NameBytes: 3}, []jsontext.Pointer{"/", "/abc/abcd"}},
		{"numbers, all of them", `[1e999,{"a/b":1e-999},1]`, jsonvalue.Limits{}, []jsontext.Pointer{"/0", "/1/a~1b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, err := jsonvalue.Read(jsontext.NewDecoder(bytes.NewBufferString(tt.in)), tt.limits)
			if err != nil {
				t.Fatal(err)
			}
			var got []jsontext.Pointer
			for _, p := range problems.Listed {
				got = append(got, p.Pointer)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzWithin holds Within, which walks a value, to Read, which counts while it
// reads.
func FuzzWithin(f *testing.F) {
	for _, text := range []string{`1`, `[[[]]]`, `{"a":{"b":[1,2,{}]},"":0}`, `{"abc":[[],{"abcd":null}]}`, `[1,2,3,4,5]`} {
		f.Add([]byte(text), uint8(2), uint8(5), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, depth, values, nameBytes uint8) {
		value, err := jsonvalue.Parse(text)
		if err != nil {
			return
		}
		limits := jsonvalue.Limits{Depth: int(depth), Values: int(values), NameBytes: int(nameBytes)}
		_, problems, err := jsonvalue.Read(jsontext.NewDecoder(bytes.NewBuffer(text)), limits)
		if within := jsonvalue.Within(value, limits); err != nil || within != (len(problems.Listed) == 0) {
			t.Errorf("Within %+v is %t, Read has %v, %v", limits, within, problems, err)
		}
	})
}
