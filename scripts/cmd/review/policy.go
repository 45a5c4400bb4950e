package main

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// grant is one permission of a statement: an action, a resource, a principal and the
// conditions. Statements are compared grant by grant, so the order of statements, their ids
// and how they are grouped make no difference.
type grant struct {
	deny                        bool
	action, resource, principal pattern
	conditions                  []condition

	statement *statement
	source    string // logical id of the resource that holds the statement
}

// pattern is a text with * and ?, or everything but some of them (NotAction and so on).
type pattern struct {
	text string
	not  []string // sorted; if not nil, text is unused
}

// condition is a condition of a statement.
type condition struct {
	operator, key string
	values        []string // sorted
}

// statement is what grants of one statement have in common: the same pointer.
type statement struct{ _ byte }

// holder is who has permissions: a role, or a resource with a policy.
type holder struct {
	id    string // logical id of a role or resource
	trust bool   // of a role: who may assume it
	// The resource of the template that stands for the holder; nil if its name is given.
	resource *resource
}

func (h holder) key() string { return h.id + strconv.FormatBool(h.trust) }

// collector gathers the grants of a template by holder.
type collector struct {
	template *template
	grants   map[string][]grant
	holders  map[string]holder
	problems map[string]*resource // policies that are not readable, by text
	source   string               // logical id of the resource that is being read
}

// permissions reports grants that are only there before or after, per statement.
func (c *comparison) permissions() {
	before, after := collect(c.before), collect(c.after)
	for text, r := range after.problems {
		if before.problems[text] == nil {
			c.add(unsure, worsens, r, "a policy that could not be read: "+text, "", "")
		}
	}
	keys := map[string]bool{}
	for key := range before.grants {
		keys[key] = true
	}
	for key := range after.grants {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		h, ok := after.holders[key]
		if !ok {
			h = before.holders[key]
		}
		// More is allowed by new Allow statements and by Deny statements that are gone.
		c.grants(h, uncovered(after.grants[key], before.grants[key], false), uncovered(before.grants[key], after.grants[key], true), worsens)
		c.grants(h, uncovered(after.grants[key], before.grants[key], true), uncovered(before.grants[key], after.grants[key], false), improves)
	}
	c.boundaries()
}

// grants adds a row for each statement among grants: those that are new and those that are gone.
func (c *comparison) grants(h holder, more, gone []grant, d direction) {
	for _, g := range slices.Concat(more, gone) {
		c.told[g.source] = true
	}
	word := map[direction]string{worsens: "WIDENED", improves: "narrowed"}[d]
	for _, group := range byStatement(more) {
		c.add(permissions, d, h.resource, word+": "+h.subject()+group[0].alarm(), "", describe(group))
	}
	for _, group := range byStatement(gone) {
		c.add(permissions, d, h.resource, word+": "+h.subject(), describe(group), "")
	}
}

// subject says whose permissions these are.
func (h holder) subject() string {
	switch {
	case h.trust:
		return "who may assume the role"
	case h.resource == nil:
		return "identity policy of " + h.id
	case strings.HasPrefix(h.resource.Type, "AWS::IAM::"):
		return "identity policy"
	case h.resource.Type == "AWS::KMS::Key":
		return "key policy"
	default:
		return "resource policy"
	}
}

// alarm says what is remarkable about a new grant.
func (g grant) alarm() string {
	var all []string
	if g.deny {
		return ""
	}
	if g.principal.text == "*" && g.principal.not == nil {
		if len(g.conditions) == 0 {
			all = append(all, "ANYONE, without a condition")
		} else {
			all = append(all, "anyone who meets the conditions")
		}
	}
	if g.principal.not != nil {
		all = append(all, "NotPrincipal with Allow is everyone else")
	}
	if g.action.not != nil {
		all = append(all, "NotAction with Allow is every other action, future ones included")
	}
	if g.resource.not != nil {
		all = append(all, "NotResource with Allow is every other resource")
	}
	if g.action.text == "*" || strings.HasSuffix(g.action.text, ":*") {
		all = append(all, "every action")
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, "; ") + ")"
}

// byStatement groups grants by the statement that they are of, in the order of the template.
func byStatement(grants []grant) [][]grant {
	var groups [][]grant
	at := map[*statement]int{}
	for _, g := range grants {
		i, ok := at[g.statement]
		if !ok {
			i = len(groups)
			at[g.statement] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], g)
	}
	return groups
}

// describe writes grants of one statement as a statement.
func describe(grants []grant) string {
	effect := "Allow"
	if grants[0].deny {
		effect = "Deny"
	}
	unique := func(of func(grant) pattern) string {
		seen := map[string]bool{}
		for _, g := range grants {
			seen[of(g).String()] = true
		}
		return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
	}
	text := effect + " " + unique(func(g grant) pattern { return g.action })
	if resources := unique(func(g grant) pattern { return g.resource }); resources != "" {
		text += " on " + resources
	}
	if principals := unique(func(g grant) pattern { return g.principal }); principals != "" {
		text += " to " + principals
	}
	for i, condition := range grants[0].conditions {
		text += []string{" if ", " and "}[min(i, 1)] + condition.String()
	}
	return text
}

func (p pattern) String() string {
	if p.not != nil {
		return "everything but " + strings.Join(p.not, ", ")
	}
	return p.text
}

func (c condition) String() string {
	return c.operator + " " + c.key + " [" + strings.Join(c.values, ", ") + "]"
}

// uncovered returns the grants with an effect in a list that no grant in another covers.
func uncovered(grants, by []grant, deny bool) []grant {
	var left []grant
	for _, g := range grants {
		if g.deny == deny && !slices.ContainsFunc(by, func(other grant) bool { return other.deny == deny && other.covers(g) }) {
			left = append(left, g)
		}
	}
	return left
}

// covers reports whether everything that other applies to is something that g applies to. It
// errs on the side of no.
func (g grant) covers(other grant) bool {
	return g.action.covers(other.action, strings.ToLower) && g.resource.covers(other.resource, nil) && g.principal.covers(other.principal, nil) &&
		!slices.ContainsFunc(g.conditions, func(c condition) bool { return !slices.ContainsFunc(other.conditions, c.impliedBy) })
}

func (p pattern) covers(other pattern, fold func(string) string) bool {
	if fold == nil {
		fold = func(text string) string { return text }
	}
	switch {
	case p.not == nil && other.not == nil:
		return wild(fold(p.text), fold(other.text))
	case p.not == nil:
		return p.text == "*"
	case other.not == nil: // none of what p leaves out may be in other
		return !slices.ContainsFunc(p.not, func(text string) bool { return overlap(fold(text), fold(other.text)) })
	default: // p leaves out no more than other does
		return !slices.ContainsFunc(p.not, func(text string) bool {
			return !slices.ContainsFunc(other.not, func(wider string) bool { return wild(fold(wider), fold(text)) })
		})
	}
}

// overlap reports whether some text may match both of two patterns. A reference may be any
// text.
func overlap(a, b string) bool {
	literal := func(text string) string {
		for _, end := range []string{"*", "?", "${"} {
			text, _, _ = strings.Cut(text, end)
		}
		return text
	}
	x, y := literal(a), literal(b)
	switch reference := strings.Contains(a+b, "${"); {
	case x == a && !reference:
		return wild(b, a)
	case y == b && !reference:
		return wild(a, b)
	}
	return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
}

// wild reports whether a pattern with * and ? matches every text that another one does.
func wild(pattern, text string) bool {
	// Row by row: matched[j] is whether the pattern so far matches text[:j].
	matched := make([]bool, len(text)+1)
	matched[0] = true
	for i := range len(pattern) {
		next := make([]bool, len(text)+1)
		switch pattern[i] {
		case '*':
			next[0] = matched[0]
			for j := range len(text) {
				next[j+1] = matched[j+1] || next[j]
			}
		case '?':
			for j := range len(text) {
				next[j+1] = matched[j] && text[j] != '*'
			}
		default:
			for j := range len(text) {
				next[j+1] = matched[j] && text[j] == pattern[i]
			}
		}
		matched = next
	}
	return matched[len(text)]
}

// impliedBy reports whether a request that meets another condition meets this one.
func (c condition) impliedBy(other condition) bool {
	if !strings.EqualFold(c.key, other.key) {
		return false
	}
	base, lenient := strings.CutSuffix(c.operator, "IfExists")
	otherBase, otherLenient := strings.CutSuffix(other.operator, "IfExists")
	if otherLenient && !lenient {
		return false
	}
	family := func(operator string) string {
		return strings.NewReplacer("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals", "StringLike", "StringEquals", "StringNotLike", "StringNotEquals").Replace(operator)
	}
	if family(base) != family(otherBase) {
		return false
	}
	// Wildcards are literal in StringEquals; ArnEquals and ArnLike behave alike.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
	match := func(pattern, text string) bool { return pattern == text }
	like := func(operator string) bool {
		return strings.HasSuffix(operator, "Like") || strings.Contains(operator, "Arn")
	}
	_, qualified, isSet := strings.Cut(base, ":")
	if !isSet {
		qualified = base
	}
	switch {
	case like(base):
		match = wild
	case like(otherBase) && slices.ContainsFunc(other.values, func(v string) bool { return strings.ContainsAny(v, "*?") }):
		return false // StringEquals is not implied by a pattern
	case qualified == "IpAddress" || qualified == "NotIpAddress":
		match = within
	case strings.HasPrefix(qualified, "Numeric"), strings.HasPrefix(qualified, "Date"):
		return slices.Equal(c.values, other.values) || ordered(qualified, c.values, other.values)
	}
	if strings.Contains(qualified, "Not") { // everything but the values: fewer values allow more
		return allMatch(c.values, other.values, func(a, b string) bool { return match(b, a) })
	}
	return allMatch(other.values, c.values, func(a, b string) bool { return match(b, a) })
}

// allMatch reports whether each of some values has a match among others.
func allMatch(values, others []string, match func(value, other string) bool) bool {
	return !slices.ContainsFunc(values, func(v string) bool {
		return !slices.ContainsFunc(others, func(o string) bool { return match(v, o) })
	})
}

// within reports whether a range of addresses contains another.
func within(outer, inner string) bool {
	parse := func(text string) (netip.Prefix, bool) {
		if !strings.Contains(text, "/") {
			address, err := netip.ParseAddr(text)
			return netip.PrefixFrom(address, address.BitLen()), err == nil
		}
		prefix, err := netip.ParsePrefix(text)
		return prefix, err == nil
	}
	a, ok := parse(outer)
	b, okInner := parse(inner)
	return outer == inner || ok && okInner && a.Bits() <= b.Bits() && a.Contains(b.Addr())
}

// ordered compares one number with one.
func ordered(operator string, values, other []string) bool {
	if len(values) != 1 || len(other) != 1 {
		return false
	}
	x, err := strconv.ParseFloat(values[0], 64)
	y, errOther := strconv.ParseFloat(other[0], 64)
	if err != nil || errOther != nil {
		return false
	}
	switch {
	case strings.Contains(operator, "LessThan"):
		return y <= x
	case strings.Contains(operator, "GreaterThan"):
		return y >= x
	}
	return false
}

// collect reads every policy of a template.
func collect(t *template) *collector {
	c := &collector{template: t, grants: map[string][]grant{}, holders: map[string]holder{}, problems: map[string]*resource{}}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		c.resource(t.Resources[id])
	}
	return c
}

func (c *collector) resource(r *resource) {
	c.source = r.id
	own := holder{id: r.id, resource: r}
	switch r.Type {
	case "AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group":
		c.document(holder{id: r.id, resource: r, trust: true}, r.Properties["AssumeRolePolicyDocument"])
		for _, policy := range list(r.Properties["Policies"]) {
			c.document(own, get(policy, "PolicyDocument"))
		}
		c.managed(own, r.Properties["ManagedPolicyArns"])
	case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy":
		attached := 0
		for _, member := range []string{"Roles", "Users", "Groups", "RoleName", "UserName", "GroupName"} {
			for _, who := range list(r.Properties[member]) {
				attached++
				c.document(c.holder(who, r), r.Properties["PolicyDocument"])
			}
		}
		if attached == 0 { // for people to attach
			c.document(own, r.Properties["PolicyDocument"])
		}
	case "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy":
		for _, member := range []string{"Queues", "Topics", "Bucket"} {
			for _, what := range list(r.Properties[member]) {
				c.document(c.holder(what, r), r.Properties["PolicyDocument"])
			}
		}
	case "AWS::Lambda::Permission":
		c.lambda(r)
	case "AWS::Lambda::Url":
		c.open(r, "AuthType", "lambda:InvokeFunctionUrl")
	case "AWS::ApiGateway::Method":
		c.open(r, "AuthorizationType", "execute-api:Invoke")
	case "AWS::ApiGatewayV2::Route":
		c.open(r, "AuthorizationType", "execute-api:Invoke")
	case "AWS::Events::EventBusPolicy":
		bus := c.holder(r.Properties["EventBusName"], r)
		if statement := r.Properties["Statement"]; statement != nil {
			c.statement(bus, statement)
		} else {
			c.statement(bus, map[string]any{
				"Effect": "Allow", "Action": r.Properties["Action"],
				"Principal": map[string]any{"AWS": r.Properties["Principal"]}, "Condition": eventCondition(r.Properties["Condition"]),
			})
		}
	default:
		c.search(own, r.Properties)
	}
}

// eventCondition writes the Condition of an event bus policy as that of a statement.
func eventCondition(value any) any {
	if value == nil {
		return nil
	}
	return map[string]any{scalar(get(value, "Type")): map[string]any{show(get(value, "Key")): get(value, "Value")}}
}

// holder returns who a policy is attached to: a resource of the template, or a name.
func (c *collector) holder(value any, policy *resource) holder {
	var ids []string
	references(value, func(id string) { ids = append(ids, id) })
	if len(ids) == 1 && c.template.Resources[ids[0]] != nil {
		return holder{id: ids[0], resource: c.template.Resources[ids[0]]}
	}
	if value == nil {
		return holder{id: policy.id, resource: policy}
	}
	return holder{id: show(value)}
}

// search reads policy documents wherever a resource has them: KeyPolicy, Policy,
// ResourcePolicy, PolicyText and so on, as objects or as JSON text.
func (c *collector) search(h holder, value any) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			c.search(h, element)
		}
	case map[string]any:
		if _, ok := v["Statement"]; ok && (v["Version"] != nil || list(v["Statement"]) != nil && get(list(v["Statement"])[0], "Effect") != nil) {
			c.document(h, v)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			member := v[name]
			if strings.Contains(name, "Policy") {
				if text, err := flatten(member); err == nil && strings.Contains(text, `"Statement"`) {
					c.document(h, member)
					continue
				}
			}
			c.search(h, member)
		}
	}
}

// document reads a policy document, which may be JSON text.
func (c *collector) document(h holder, document any) {
	if document == nil {
		return
	}
	if text, err := flatten(document); err == nil {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var parsed any
		if err := decoder.Decode(&parsed); err != nil {
			c.problems[text] = h.resource
			return
		}
		document = parsed
	}
	statements := get(document, "Statement")
	if isFunction(statements) {
		c.problems[show(statements)] = h.resource
		return
	}
	for _, s := range list(statements) {
		if isFunction(s) {
			c.problems[show(s)] = h.resource
			continue
		}
		c.statement(h, s)
	}
}

// statement splits a statement into its grants.
func (c *collector) statement(h holder, s any) {
	shared := &statement{}
	base := grant{deny: show(get(s, "Effect")) == "Deny", statement: shared}
	conditions, _ := get(s, "Condition").(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		keys, _ := conditions[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			base.conditions = append(base.conditions, condition{operator, key, texts(keys[key])})
		}
	}
	actions := either(texts(get(s, "Action")), texts(get(s, "NotAction")))
	resources := either(texts(get(s, "Resource")), texts(get(s, "NotResource")))
	principals := either(principalsOf(get(s, "Principal")), principalsOf(get(s, "NotPrincipal")))
	for _, action := range actions {
		for _, resource := range resources {
			for _, principal := range principals {
				g := base
				g.action, g.resource, g.principal = action, resource, principal
				c.add(h, g)
			}
		}
	}
}

func (c *collector) add(h holder, g grant) {
	g.source = c.source
	c.holders[h.key()] = h
	c.grants[h.key()] = append(c.grants[h.key()], g)
}

// either returns a pattern for each text, or one for all but the others. An element that the
// statement does not have yields the empty pattern.
func either(texts, not []string) []pattern {
	if len(not) > 0 {
		return []pattern{{not: not}}
	}
	var all []pattern
	for _, text := range texts {
		all = append(all, pattern{text: text})
	}
	if all == nil {
		all = []pattern{{}}
	}
	return all
}

// texts returns a value or a list of them as sorted texts without duplicates.
func texts(value any) []string {
	var all []string
	for _, element := range list(value) {
		all = append(all, show(element))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// principalsOf returns the principals of a statement as texts, such as "Service
// events.amazonaws.com", and "*" for everyone.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func principalsOf(value any) []string {
	byKind, ok := value.(map[string]any)
	if !ok || isFunction(value) {
		return texts(value)
	}
	var all []string
	for kind, who := range byKind {
		for _, text := range texts(who) {
			if text == "*" && kind == "AWS" {
				all = append(all, "*")
				continue
			}
			all = append(all, kind+" "+text)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// managed adds a grant for each managed policy: what it holds is not in the template.
func (c *collector) managed(h holder, arns any) {
	for _, arn := range list(arns) {
		if id := refersTo(arn, resourceSet(c.template)); id != "" {
			c.document(h, c.template.Resources[id].Properties["PolicyDocument"])
			continue
		}
		c.add(h, grant{action: pattern{text: "everything in the managed policy " + show(arn)}, statement: &statement{}})
	}
}

func resourceSet(t *template) map[string]bool {
	all := map[string]bool{}
	for id := range t.Resources {
		all[id] = true
	}
	return all
}

// lambda reads a permission to invoke a function as a statement of its resource policy.
func (c *collector) lambda(r *resource) {
	p := r.Properties
	conditions := map[string]any{}
	for member, condition := range map[string][2]string{
		"SourceArn":           {"ArnLike", "aws:SourceArn"},
		"SourceAccount":       {"StringEquals", "aws:SourceAccount"},
		"PrincipalOrgID":      {"StringEquals", "aws:PrincipalOrgID"},
		"FunctionUrlAuthType": {"StringEquals", "lambda:FunctionUrlAuthType"},
		"EventSourceToken":    {"StringEquals", "lambda:EventSourceToken"},
	} {
		if p[member] != nil {
			operator, _ := conditions[condition[0]].(map[string]any)
			if operator == nil {
				operator = map[string]any{}
				conditions[condition[0]] = operator
			}
			operator[condition[1]] = p[member]
		}
	}
	principal := p["Principal"]
	if text, err := flatten(principal); err == nil && text != "*" {
		kind := "AWS"
		if strings.Contains(text, ".amazonaws.com") {
			kind = "Service"
		}
		principal = map[string]any{kind: principal}
	}
	c.statement(c.holder(p["FunctionName"], r), map[string]any{
		"Effect": "Allow", "Action": p["Action"], "Principal": principal, "Condition": conditions,
	})
}

// open reads how an endpoint authorizes its callers as a grant: to everyone, or to whom the
// authorization names.
func (c *collector) open(r *resource, member, action string) {
	authorization := show(r.Properties[member])
	if authorization == "" {
		authorization = "NONE"
	}
	g := grant{action: pattern{text: action}, principal: pattern{text: "*"}, statement: &statement{}}
	if authorization != "NONE" {
		g.conditions = []condition{{"authorized by", authorization, texts(r.Properties["AuthorizerId"])}}
	}
	if truth(r.Properties["ApiKeyRequired"], false) {
		g.conditions = append(g.conditions, condition{"with", "API key", nil})
	}
	c.add(holder{id: r.id, resource: r}, g)
}

// boundaries reports changes of permissions boundaries.
func (c *comparison) boundaries() {
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		if ch.before == nil || ch.after == nil {
			continue
		}
		before, after := ch.before.Properties["PermissionsBoundary"], ch.after.Properties["PermissionsBoundary"]
		switch {
		case same(before, after):
		case before == nil:
			c.add(permissions, improves, ch.after, "narrowed: a permissions boundary", "", show(after))
		case after == nil:
			c.add(permissions, worsens, ch.after, "WIDENED: no permissions boundary any more", show(before), "")
		default:
			c.add(permissions, worsens, ch.after, "WIDENED or narrowed: another permissions boundary, whose content is not in the template", show(before), show(after))
		}
	}
}
