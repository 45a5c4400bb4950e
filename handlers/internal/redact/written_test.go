package redact_test

import (
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/redact"
)

// What is found, as people and programs write it. Visa's 4111111111111111 unless the
// name says otherwise.
func TestCardsAsTheyAreWritten(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"full stops":                           {"4111.1111.1111.1111", "4111.11**.****.1111"},
		"slashes":                              {"4111/1111/1111/1111", "4111/11**/****/1111"},
		"backslashes":                          {`4111\1111\1111\1111`, `4111\11**\****\1111`},
		"underscores":                          {"4111_1111_1111_1111", "4111_11**_****_1111"},
		"commas":                               {"4111,1111,1111,1111", "4111,11**,****,1111"},
		"plus signs":                           {"4111+1111+1111+1111", "4111+11**+****+1111"},
		"colons":                               {"4111:1111:1111:1111", "4111:11**:****:1111"},
		"bars":                                 {"4111|1111|1111|1111", "4111|11**|****|1111"},
		"brackets around groups":               {"(4111)(1111)[1111]{1111}", "(4111)(11**)[****]{1111}"},
		"quotes around groups":                 {`"4111","1111","1111","1111"`, `"4111","11**","****","1111"`},
		"doubled spaces":                       {"4111  1111  1111  1111", "4111  11**  ****  1111"},
		"hyphens between spaces":               {"4111 - 1111 - 1111 - 1111", "4111 - 11** - **** - 1111"},
		"different separators":                 {"4111 1111/1111 - 1111", "4111 11**/**** - 1111"},
		"eight separators":                     {"4111        1111        1111        1111", "4111        11**        ****        1111"},
		"tabs":                                 {"4111\t1111\t1111\t1111", "4111\t11**\t****\t1111"},
		"a line each":                          {"4111\r\n1111\r\n1111\r\n1111\r\n", "4111\r\n11**\r\n****\r\n1111\r\n"},
		"broken by a line end":                 {"41111111\n11111111", "411111**\n****1111"},
		"a group in each of JSON's lines":      {`4111\n1111\r\n1111\t1111`, `4111\n11**\r\n****\t1111`},
		"no-break spaces":                      {"4111\u00a01111\u00a01111\u00a01111", "4111\u00a011**\u00a0****\u00a01111"},
		"no-break spaces anywhere":             {"42\u00a0222\u00a022222222", "42\u00a0222\u00a02***2222"},
		"en dashes anywhere":                   {"42–222–22222222", "42–222–2***2222"},
		"narrow no-break spaces":               {"4111\u202f1111\u202f1111\u202f1111", "4111\u202f11**\u202f****\u202f1111"},
		"figure and thin spaces":               {"4111\u20071111\u20091111\u20071111", "4111\u200711**\u2009****\u20071111"},
		"ideographic spaces":                   {"4111\u30001111\u30001111\u30001111", "4111\u300011**\u3000****\u30001111"},
		"figure dashes":                        {"4111‒1111‒1111‒1111", "4111‒11**‒****‒1111"},
		"em dashes":                            {"4111—1111—1111—1111", "4111—11**—****—1111"},
		"minus signs":                          {"4111−1111−1111−1111", "4111−11**−****−1111"},
		"middle dots":                          {"4111·1111·1111·1111", "4111·11**·****·1111"},
		"bullets":                              {"4111 • 1111 • 1111 • 1111", "4111 • 11** • **** • 1111"},
		"zero-width spaces":                    {"4111\u200b1111\u200b1111\u200b1111", "4111\u200b11**\u200b****\u200b1111"},
		"a zero-width joiner after each digit": {strings.ReplaceAll("4111111111111111", "1", "1\u200d"), "4" + strings.Repeat("1\u200d", 5) + strings.Repeat("*\u200d", 6) + strings.Repeat("1\u200d", 4)},
		"soft hyphens":                         {"4111\u00ad1111\u00ad1111\u00ad1111", "4111\u00ad11**\u00ad****\u00ad1111"},
		"many invisible characters":            {"41111111" + strings.Repeat("\u2060\ufeff", 99) + "11111111", "411111**" + strings.Repeat("\u2060\ufeff", 99) + "****1111"},
		"combining grapheme joiners":           {"4111\u034f1111\u034f1111\u034f1111", "4111\u034f11**\u034f****\u034f1111"},
		"an invisible Hangul letter":           {"4111\u31641111\u31641111\u31641111", "4111\u316411**\u3164****\u31641111"},
		"keycaps":                              {strings.ReplaceAll("4111111111111111", "1", "1\ufe0f\u20e3"), "4" + strings.Repeat("1\ufe0f\u20e3", 5) + strings.Repeat("*\ufe0f\u20e3", 6) + strings.Repeat("1\ufe0f\u20e3", 4)},
		"control characters":                   {"4111\x001111\x1f1111\x7f1111", "4111\x0011**\x1f****\x7f1111"},
		"no-break spaces of Latin-1":           {"4111\xa01111\xa01111\xa01111", "4111\xa011**\xa0****\xa01111"},
		"emoji":                                {"4111💳1111💳1111💳1111", "4111💳11**💳****💳1111"},

		"single digits":                   {"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 1 1 * * * * * * 1 1 1 1"},
		"single digits and commas":        {"4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1", "4, 1, 1, 1, 1, 1, *, *, *, *, *, *, 1, 1, 1, 1"},
		"pairs of digits":                 {"41.11.11.11.11.11.11.11", "41.11.11.**.**.**.11.11"},
		"two halves":                      {"41111111/11111111", "411111**/****1111"},
		"after the bank's number":         {"411111.1111111111", "411111.******1111"},
		"any groups with the same dots":   {"411.11111.111111.11", "411.111**.****11.11"},
		"grouped as thousands":            {"4,111,111,111,111,111", "4,111,11*,***,**1,111"},
		"grouped as thousands, 14 digits": {"30.569.309.025.904", "30.569.3**.**5.904"},
		"grouped as thousands, with cents": {
			"4,111,111,111,111,111.00", "4,111,11*,***,**1,111.00",
		},
		"American Express, dots":        {"3782.822463.10005", "3782.82****.*0005"},
		"Diners Club, dots":             {"3056.930902.5904", "3056.93****.5904"},
		"19 digits, commas":             {"6205,5000,0000,0000,004", "6205,50**,****,***0,004"},
		"Visa of 13 digits, slashes":    {"4222/2222/2222/2", "4222/22**/*222/2"},
		"Mir":                           {"2200 7001 2345 6781", "2200 70** **** 6781"},
		"Track 2 of the magnetic strip": {";4111111111111111=31121010000000000?", ";411111******1111=31121010000000000?"},

		"full-width digits":       {"４１１１１１１１１１１１１１１１", "４１１１１１******１１１１"},
		"Arabic-Indic digits":     {"٤١١١ ١١١١ ١١١١ ١١١١", "٤١١١ ١١** **** ١١١١"},
		"Devanagari digits":       {"४१११११११११११११११", "४१११११******११११"},
		"mathematical digits":     {"𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", "𝟒𝟏𝟏𝟏𝟏𝟏******𝟏𝟏𝟏𝟏"},
		"circled digits":          {"④①①①①①①①①①①①①①①①", "④①①①①①******①①①①"},
		"superscript digits":      {"⁴¹¹¹¹¹¹¹¹¹¹¹¹¹¹¹", "⁴¹¹¹¹¹******¹¹¹¹"},
		"digits of two scripts":   {"4111-１１１１-1111-１１１１", "4111-１１**-****-１１１１"},
		"full-width separators":   {"4111－1111－1111－1111", "4111－11**－****－1111"},
		"a ten is not two digits": {"4111111111111111⑩", "411111******1111⑩"},

		"percent-encoded spaces":         {"4111%201111%201111%201111", "4111%2011**%20****%201111"},
		"percent-encoded no-break space": {"4111%C2%A01111%C2%A011111111", "4111%C2%A011**%C2%A0****1111"},
		"percent-encoded digits":         {"%34%3111111111111111", "%34%311111******1111"},
		"percent-encoded, masked digits": {"411111%31111111111", "411111%2A*****1111"},
		"percent-encoded twice":          {"4111%25201111%25201111%25201111", "4111%252011**%2520****%25201111"},
		"as JavaScript escapes":          {"4111%u00a0111111111111", "4111%u00a011******1111"},
		"JSON's escapes":                 {`4111\u00a01111\u00a01111\u0031111`, `4111\u00a011**\u00a0****\u0031111`},
		"JSON's escapes beyond 16 bits":  {`4111111111\ud835\udfcf11111`, `411111****\u002a\u002a*1111`},
		"&nbsp;":                         {"4111&nbsp;1111&nbsp;1111&nbsp;1111", "4111&nbsp;11**&nbsp;****&nbsp;1111"},
		"&nbsp without a semicolon":      {"4111&nbsp1111&nbsp1111&nbsp1111", "4111&nbsp11**&nbsp****&nbsp1111"},
		"&nbsp; with the & escaped":      {"4111&amp;nbsp;1111&amp;nbsp;11111111", "4111&amp;nbsp;11**&amp;nbsp;****1111"},
		"&#160; and &#xa0;":              {"4111&#160;1111&#xa0;1111&#XA0;1111", "4111&#160;11**&#xa0;****&#XA0;1111"},
		"dashes of HTML":                 {"4111&ndash;1111&mdash;1111&minus;1111", "4111&ndash;11**&mdash;****&minus;1111"},
		"a long name of HTML":            {"4111&NegativeMediumSpace;1111&ZeroWidthSpace;11111111", "4111&NegativeMediumSpace;11**&ZeroWidthSpace;****1111"},
		"digits of HTML":                 {"&#52;11111&#x31;&#0049;&sup1;111&#65297;111", "&#52;11111&#042;&#0042;&#042;***&#65297;111"},
		"an exponent":                    {"4.111111111111111e15", "*.***************e**"},
		"an exponent in a form":          {"amount=4.111111111111111e15&x=1", "amount=*.***************e**&x=1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, n := redact.Text(tt.in); got != tt.want || n == 0 {
				t.Errorf("Text(%q) = %q, %d, want %q", tt.in, got, n, tt.want)
			}
			if again, n := redact.Text(tt.want); again != tt.want || n != 0 {
				t.Errorf("Text(%q) = %q, %d: masked again", tt.want, again, n)
			}
		})
	}
}

// What stays as it is, though the digits of most, read without what stands between them,
// have a network's prefix and length and a right check digit.
func TestWhatIsNoCard(t *testing.T) {
	for name, in := range map[string]string{
		"a decimal number":                    "4.111111111111111",
		"a decimal number with a comma":       "411,1111111111111",
		"coordinates":                         "52.520008, 13.404955",
		"amounts in a list":                   "411.11, 11.11, 1.11, 11.11",
		"amounts with thousands":              "4,111.11, 1,111.11, 1,111.11",
		"dates and times":                     "2026-11-27 10:02:14, 2026-11-28",
		"a date, a time and a number":         "2026-11-27 10:02:18, 1234",
		"a time in a log":                     "[27/Nov/2026:10:02:18 +0100]",
		"nine separators":                     "4111         1111         1111         1111",
		"words between":                       "4111 and 1111 and 1111 and 1111",
		"letters between":                     "4111x1111x1111x1111",
		"numbers in words":                    "4111 1111 1111 one one one one",
		"Han numerals":                        "四一一一 一一一一 一一一一 一一一一",
		"an asterisk between":                 "4111*1111*1111*1111",
		"another number between":              "4111½1111½1111½1111",
		"within a longer run":                 "94111111111111111111111",
		"before more digits":                  "411111111111111100000000",
		"13 digits in odd groups":             "42.2222.222.2222",
		"odd groups and different separators": "41.111/11:1111.11,111",
		"a long number and a short one":       "422222222222, 2",
		"a phone number":                      "(6221) 540-1122, -12",
		"an IBAN":                             "DE89 3704 0044 0532 0130 00",
		"a UUID":                              "9f1b2c3d-4e5f-4a6b-8c7d-0123456789ab",
		"a wrong check digit, dots":           "4111.1111.1111.1112",
		"a wrong check digit, full-width":     "４１１１１１１１１１１１１１１２",
		"masked with hashes":                  "411111######1111",
		"masked with bullets":                 "4111 11•• •••• 1111",
		"an Adyen reference":                  "8836183819713023",
		"a percent sign that encodes nothing": "4111%1111%1111%1111",
		"base64, which is decoded in Body":    "NDExMTExMTExMTExMTExMQ==",
		"a version":                           "4.11.111-1111, 11.11.11",
		"a fraction of a second since 1970":   "1795363500.123456",
	} {
		t.Run(name, func(t *testing.T) {
			if got, n := redact.Text(in); got != in || n != 0 {
				t.Errorf("Text(%q) = %q, %d", in, got, n)
			}
		})
	}
}

// Where a card number begins within what looks like another one by chance, neither shows
// more than its first six and last four digits.
func TestOverlappingCards(t *testing.T) {
	for in, want := range map[string]string{
		"5005 4111 1111 1111 1111":     "5005 41** **** **** 1111",
		"5005, 4111, 1111, 1111, 1111": "5005, 41**, ****, ****, 1111",
	} {
		if got, n := redact.Text(in); got != want || n != 2 {
			t.Errorf("Text(%q) = %q, %d, want %q", in, got, n, want)
		}
	}
}
