package transaction

import (
	"bytes"
	"errors"
	"maps"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/redact"
)

// Metadata is a JSON object with a sender's notes on a transaction. It holds the
// object twice, so that neither form is computed again: as a value, which becomes
// the item's attribute, and as the canonical text, which is hashed and published.
// It is immutable: do not change what Value and Text return. The zero value means
// that there is no metadata, as does an object without members.
type Metadata struct {
	value map[string]any // as package jsonvalue describes; nil when there is none
	text  jsontext.Value // canonical
}

// NewMetadata returns the metadata of the given members, whose types are those
// of package jsonvalue. It keeps members: do not change them afterwards.
func NewMetadata(members map[string]any) Metadata {
	if len(members) == 0 {
		return Metadata{}
	}
	return Metadata{members, jsonvalue.Append(nil, members)}
}

// ParseMetadata reads a JSON object. The error repeats nothing of the text.
func ParseMetadata(text []byte) (Metadata, error) {
	value, err := jsonvalue.Parse(text)
	if err != nil {
		return Metadata{}, errors.New("is not JSON with numbers that can be stored")
	}
	members, ok := value.(map[string]any)
	if !ok {
		return Metadata{}, errors.New("is not an object")
	}
	return NewMetadata(members), nil
}

// IsZero reports whether there is no metadata.
func (m Metadata) IsZero() bool { return m.value == nil }

// Value returns the members, nil when there are none.
func (m Metadata) Value() map[string]any { return m.value }

// Text returns the canonical text: compact JSON with sorted names, so that equal
// metadata has equal texts; nil when there is none.
func (m Metadata) Text() jsontext.Value { return m.text }

// Equal reports whether both have the same content; go-cmp uses it.
func (m Metadata) Equal(n Metadata) bool { return bytes.Equal(m.text, n.text) }

// String is Text as a string.
func (m Metadata) String() string { return string(m.text) }

// redact masks card numbers outside of the members in ownIDs that have the form of an id,
// and returns how many there were.
func (m Metadata) redact(ownIDs []string) (Metadata, int) {
	ids := map[string]any{}
	for _, name := range ownIDs {
		if id, ok := m.value[name].(string); ok && checkOwnID(id) == "" {
			ids[name] = id
		}
	}
	text := m.value
	if len(ids) > 0 {
		text = maps.Clone(m.value)
		for name := range ids {
			delete(text, name)
		}
	}
	value, n := redact.Value(text)
	if n == 0 {
		return m, 0
	}
	masked := value.(map[string]any)
	maps.Copy(masked, ids)
	return NewMetadata(masked), n
}

// names reports whether a member is the given id. No member is "".
func (m Metadata) names(id string) bool {
	if id == "" {
		return false
	}
	for _, value := range m.value {
		if value == id {
			return true
		}
	}
	return false
}

// differences returns the names of the members that differ, with the field's name and a
// dot before each.
func (m Metadata) differences(n Metadata) []string {
	if m.Equal(n) {
		return nil
	}
	var names []string
	add := func(name string) { names = append(names, contract.FieldMetadata+"."+redact.Sanitise(name)) }
	for name, value := range m.value {
		if other, ok := n.value[name]; !ok || !reflect.DeepEqual(value, other) {
			add(name)
		}
	}
	for name := range n.value {
		if _, ok := m.value[name]; !ok {
			add(name)
		}
	}
	return names
}

var metadataLimits = jsonvalue.Limits{
	Depth: MaxMetadataDepth, Values: MaxMetadataValues, NameBytes: MaxMetadataNameBytes,
	Problems: MaxFieldErrors,
}

// check adds an error for each limit that metadata from a provider's notification
// breaks. (Metadata of a canonical payload was read within the limits.)
func (m Metadata) check(errs *fieldErrors) {
	const field = "/" + contract.FieldMetadata
	switch {
	case m.IsZero():
	case len(m.text) > MaxMetadataBytes:
		errs.add(field, "is %d bytes of JSON; at most %d are accepted", len(m.text), MaxMetadataBytes)
	case !jsonvalue.Within(m.value, metadataLimits):
		// Rare, so read the text again to find where.
		_, problems, _ := jsonvalue.Read(jsontext.NewDecoder(bytes.NewBuffer(m.text)), metadataLimits)
		errs.addProblems(field, problems)
	}
}
