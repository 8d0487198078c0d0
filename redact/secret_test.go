package redact_test

import (
	"bytes"
	"database/sql/driver"
	"encoding"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"log/slog"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/sluicelog/sluice/handler"
	"github.com/sluicelog/sluice/logstash"
	"github.com/sluicelog/sluice/redact"
)

const mask = "[REDACTED]"

// What the secrets of these tests are, and what would give them away.
const (
	heldText   = "hunter2-and-more"
	heldNumber = 8675309
)

var heldForms = []string{
	"hunter2", base64.StdEncoding.EncodeToString([]byte(heldText))[:8], "104 117 110", "104,117,110", "0x68",
	hex.EncodeToString([]byte("hunter2")), strings.ToUpper(hex.EncodeToString([]byte("hunter2"))), "68 75 6e",
	"8675309", "845fed", "845FED", "41057755", "8.675309", "100001000101111111101101", "U+845FED", "more",
}

type login struct {
	User, Password string
	N              int
}

// shape is one place a secret stands in.
type shape struct {
	name string
	v    any
	bare bool // fmt calls no methods there, or encoders leave it out: no mask either
}

// shapesOf puts a Secret of v in many places.
func shapesOf[T any](v T) []shape {
	s := redact.NewSecret(v)
	name := fmt.Sprintf("%T/", v)
	return []shape{
		{name + "itself", s, false},
		{name + "pointer", &s, false},
		{name + "field", struct{ S redact.Secret[T] }{s}, false},
		{name + "field of a pointer", &struct{ S redact.Secret[T] }{s}, false},
		{name + "pointer in a field", struct{ S *redact.Secret[T] }{&s}, true},
		{name + "any field", struct{ S any }{s}, false},
		{name + "unexported field", struct{ s redact.Secret[T] }{s}, true},
		{name + "unexported any field", struct{ s any }{s}, true},
		{name + "unexported pointer field", &struct{ s *redact.Secret[T] }{&s}, true},
		{name + "embedded", struct{ redact.Secret[T] }{s}, false},
		{name + "map value", map[string]redact.Secret[T]{"k": s}, false},
		{name + "map of any", map[string]any{"k": s}, false},
		{name + "map key", map[redact.Secret[T]]int{s: 1}, false},
		{name + "slice", []redact.Secret[T]{s, s}, false},
		{name + "slice of any", []any{1, s}, false},
		{name + "array", [1]redact.Secret[T]{s}, false},
	}
}

func allShapes() []shape {
	return slicesOf(
		shapesOf(heldText),
		shapesOf([]byte(heldText)),
		shapesOf(heldNumber),
		shapesOf(login{"bob", heldText, heldNumber}),
		shapesOf(&login{"bob", heldText, heldNumber}),
		shapesOf[any](heldText),
		shapesOf(map[string]string{"p": heldText}),
		shapesOf(errors.New(heldText)),
	)
}

func slicesOf[T any](lists ...[]T) (all []T) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// checkHidden reports what gives the secret away in what printer has printed.
func checkHidden(t *testing.T, printer, out string) {
	t.Helper()
	for _, form := range heldForms {
		if strings.Contains(out, form) {
			t.Errorf("%s: prints the secret as %s: %s", printer, form, out)
		}
	}
}

func TestSecretIsHiddenFromFmt(t *testing.T) {
	t.Parallel()
	for _, s := range allShapes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, flags := range []string{"", "+", "#", " ", "0", "-20", "20", ".3", "+#020.10", "[1]"} {
				for _, verb := range "vTtbcdoOqxXUeEfFgGspwz" {
					format := "%" + flags + string(verb)
					out := fmt.Sprintf(format, s.v)
					checkHidden(t, format, out)
					if !s.bare && !strings.ContainsRune("Tpw", verb) && !strings.Contains(out, mask) {
						t.Errorf("%s: prints no mask: %s", format, out)
					}
				}
			}
			wrap := "%w" // not an error, and not for vet to see
			checkHidden(t, "Errorf %w", fmt.Errorf(wrap, s.v).Error())
		})
	}
}

func TestSecretIsHiddenFromPrinters(t *testing.T) {
	t.Parallel()
	printers := map[string]func(v any) (string, error){
		"Sprint":  func(v any) (string, error) { return fmt.Sprint(v), nil },
		"Println": func(v any) (string, error) { return fmt.Sprintln("a", v), nil },
		"Errorf":  func(v any) (string, error) { return fmt.Errorf("login: %v", v).Error(), nil },
		"Join":    func(v any) (string, error) { return errors.Join(io.EOF, fmt.Errorf("%+v", v)).Error(), nil },
		"log": func(v any) (string, error) {
			var b bytes.Buffer
			log.New(&b, "", 0).Println("login", v)
			return b.String(), nil
		},
		"text/template": func(v any) (string, error) {
			var b strings.Builder
			err := template.Must(template.New("").Parse(`{{.}} {{printf "%s %x" . .}} {{print .}}`)).Execute(&b, v)
			return b.String(), err
		},
		"html/template": func(v any) (string, error) {
			var b strings.Builder
			page := `<p title="{{.}}">{{.}}</p>`
			err := htmltemplate.Must(htmltemplate.New("").Parse(page)).Execute(&b, v)
			return b.String(), err
		},
		"html/template script": func(v any) (string, error) {
			var b strings.Builder
			err := htmltemplate.Must(htmltemplate.New("").Parse(`<script>var x = {{.}}</script>`)).Execute(&b, v)
			return b.String(), err
		},
		"encoding/json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}
	for _, s := range allShapes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for name, printer := range printers {
				out, err := printer(s.v)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				checkHidden(t, name, out)
				if !s.bare && !strings.Contains(out, mask) {
					t.Errorf("%s: prints no mask: %s", name, out)
				}
			}
		})
	}
}

func TestSecretIsHiddenFromXML(t *testing.T) {
	t.Parallel()
	type config struct {
		XMLName xml.Name              `xml:"config"`
		Key     redact.Secret[string] `xml:"key,attr"`
		Pin     redact.Secret[int]    `xml:"pin"`
	}
	out, err := xml.Marshal(config{Key: redact.NewSecret(heldText), Pin: redact.NewSecret(heldNumber)})
	if want := `<config key="[REDACTED]"><pin>[REDACTED]</pin></config>`; err != nil || string(out) != want {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
	var c config
	err = xml.Unmarshal([]byte(`<config key="`+heldText+`"/>`), &c)
	if err != nil || c.Key.Reveal() != heldText {
		t.Errorf("got %q, %v", c.Key.Reveal(), err)
	}
}

// A walk by reflection, exported or not, comes to no value.
func TestSecretIsHiddenFromReflection(t *testing.T) {
	t.Parallel()
	for _, s := range allShapes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var walk func(v reflect.Value, depth int)
			walk = func(v reflect.Value, depth int) {
				if depth > 20 || !v.IsValid() {
					return
				}
				switch v.Kind() {
				case reflect.String:
					checkHidden(t, "reflect", v.String())
				case reflect.Int:
					checkHidden(t, "reflect", strconv.FormatInt(v.Int(), 10))
				case reflect.Uint8:
					t.Error("reflect: comes to bytes")
				case reflect.Pointer, reflect.Interface:
					walk(v.Elem(), depth+1)
				case reflect.Struct:
					for _, f := range v.Fields() {
						walk(f, depth+1)
					}
				case reflect.Slice, reflect.Array:
					for i := range v.Len() {
						walk(v.Index(i), depth+1)
					}
				case reflect.Map:
					for it := v.MapRange(); it.Next(); {
						walk(it.Key(), depth+1)
						walk(it.Value(), depth+1)
					}
				default:
				}
			}
			walk(reflect.ValueOf(s.v), 0)
		})
	}
}

// Every encoder of this module and of log/slog, with and without a redact.Handler before it.
var clockTime = regexp.MustCompile(`\d\d:\d\d:\d\d\.\d+`)

func TestSecretIsHiddenFromEncoders(t *testing.T) {
	t.Parallel()
	encoders := map[string]func(w io.Writer) slog.Handler{
		"slog JSON":   func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"slog text":   func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"JSON":        func(w io.Writer) slog.Handler { return handler.NewJSONHandler(w, nil) },
		"console":     func(w io.Writer) slog.Handler { return handler.NewConsoleHandler(w, nil) },
		"logstash V1": func(w io.Writer) slog.Handler { return logstash.NewHandler(w, nil) },
		"logstash ECS": func(w io.Writer) slog.Handler {
			return logstash.NewHandler(w, &logstash.Options{Profile: logstash.ECS})
		},
		"logstash ECSDotted": func(w io.Writer) slog.Handler {
			return logstash.NewHandler(w, &logstash.Options{Profile: logstash.ECSDotted})
		},
	}
	for name, encoder := range encoders {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/redact %v", name, before), func(t *testing.T) {
				t.Parallel()
				var b bytes.Buffer
				h := encoder(&b)
				if before {
					h = redact.NewHandler(h, nil)
				}
				for _, s := range allShapes() {
					logs := map[string]func(l *slog.Logger){
						"attr":   func(l *slog.Logger) { l.Info("m", "k", s.v) },
						"With":   func(l *slog.Logger) { l.With("k", s.v).Info("m") },
						"group":  func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.Any("k", s.v))) },
						"groups": func(l *slog.Logger) { l.WithGroup("g").With("k", s.v).WithGroup("h").Info("m", "k", s.v) },
						"error":  func(l *slog.Logger) { l.Error("m", "err", fmt.Errorf("login %v: %w", s.v, io.EOF)) },
					}
					for how, logIt := range logs {
						b.Reset()
						logIt(slog.New(h))
						out := clockTime.ReplaceAllString(b.String(), "") // digits that may be those of a secret
						checkHidden(t, s.name+" as "+how, out)
						if !s.bare && !strings.Contains(out, "REDACTED") { // Logstash takes no brackets in keys
							t.Errorf("%s as %s: prints no mask: %s", s.name, how, out)
						}
						if strings.Count(out, "\n") != 1 {
							t.Errorf("%s as %s: not one line: %s", s.name, how, out)
						}
					}
				}
			})
		}
	}
}

func TestSecretWhereAMaskWouldBeTakenForTheValue(t *testing.T) {
	t.Parallel()
	s := redact.NewSecret(heldText)
	refusals := map[string]error{
		"gob":                     gob.NewEncoder(io.Discard).Encode(s),
		"gob, in a struct":        gob.NewEncoder(io.Discard).Encode(struct{ S redact.Secret[string] }{s}),
		"encoding.BinaryMarshals": second(encoding.BinaryMarshaler(s).MarshalBinary()),
		"database/sql":            second(driver.DefaultParameterConverter.ConvertValue(s)),
		"database/sql, pointer":   second(driver.DefaultParameterConverter.ConvertValue(&s)),
	}
	for name, err := range refusals {
		if err == nil || !strings.Contains(err.Error(), "redact.Secret[string]") {
			t.Errorf("%s: got error %v, want one that names the type", name, err)
			continue
		}
		checkHidden(t, name, err.Error())
	}
}

func second[T any](_ T, err error) error { return err }

func TestSecretIsDecoded(t *testing.T) {
	t.Parallel()
	var c struct {
		Text    redact.Secret[string]            `json:"text"`
		Bytes   redact.Secret[[]byte]            `json:"bytes"`
		Number  redact.Secret[int]               `json:"number"`
		Login   redact.Secret[login]             `json:"login"`
		Pointer redact.Secret[*login]            `json:"pointer"`
		Any     redact.Secret[any]               `json:"any"`
		Null    redact.Secret[string]            `json:"null"`
		Map     map[redact.Secret[string]]int    `json:"map"`
		List    []redact.Secret[string]          `json:"list"`
		To      *redact.Secret[string]           `json:"to"`
		Address redact.Secret[netip.Addr]        `json:"address"`
		Missing redact.Secret[map[string]string] `json:"missing"`
	}
	c.Null = redact.NewSecret("default")
	err := json.Unmarshal([]byte(`{"text":"a\nb","bytes":"aGk=","number":12,"login":{"User":"bob","N":1},"pointer":{"User":"eve"},
		"any":[1],"null":null,"map":{"k":1},"list":["x","y"],"to":"z","address":"192.0.2.7"}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k := range c.Map {
		keys = append(keys, k.Reveal())
	}
	got := fmt.Sprintf("%q %q %d %v %v %v %q %q %q %q %v %v", c.Text.Reveal(), c.Bytes.Reveal(), c.Number.Reveal(), c.Login.Reveal(),
		*c.Pointer.Reveal(), c.Any.Reveal(), c.Null.Reveal(), keys, c.List[1].Reveal(), c.To.Reveal(), c.Address.Reveal(), c.Missing.Reveal())
	want := `"a\nb" "hi" 12 {bob  1} {eve  0} [1] "default" ["k"] "y" "z" 192.0.2.7 map[]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type name string

func TestSecretIsDecodedFromText(t *testing.T) {
	t.Parallel()
	var (
		text    redact.Secret[string]
		named   redact.Secret[name]
		raw     redact.Secret[[]byte]
		address redact.Secret[netip.Addr]
		pointer redact.Secret[*netip.Addr]
		number  redact.Secret[int]
	)
	in := []byte("192.0.2.7")
	for _, u := range []encoding.TextUnmarshaler{&text, &named, &raw, &address, &pointer} {
		if err := u.UnmarshalText(in); err != nil {
			t.Error(err)
		}
	}
	clear(in) // it is the caller's
	if got := fmt.Sprintf("%s %s %s %s %s", text.Reveal(), named.Reveal(), raw.Reveal(), address.Reveal(), pointer.Reveal()); got !=
		"192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.7" {
		t.Error(got)
	}
	want := "redact: decode redact.Secret[int]: it takes no text, want a string, a []byte or an encoding.TextUnmarshaler"
	if err := number.UnmarshalText([]byte("12")); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}

	var usage bytes.Buffer
	flags := flag.NewFlagSet("x", flag.ContinueOnError)
	flags.SetOutput(&usage)
	key := redact.NewSecret(heldText)
	flags.TextVar(&key, "key", key, "the key")
	if err := flags.Parse([]string{"-key", "other"}); err != nil || key.Reveal() != "other" {
		t.Errorf("got %q, %v", key.Reveal(), err)
	}
	flags.PrintDefaults()
	checkHidden(t, "flag", usage.String())
}

// angry refuses all, and says what.
type angry struct{}

func (*angry) UnmarshalText(text []byte) error { return errors.New("bad value " + string(text)) }
func (*angry) UnmarshalJSON(data []byte) error { return errors.New("bad value " + string(data)) }

func TestSecretRefusesWithoutQuoting(t *testing.T) {
	t.Parallel()
	number := redact.NewSecret[int8](7)
	login := redact.NewSecret(login{User: "bob"})
	text := redact.NewSecret("old")
	address := redact.NewSecret(netip.IPv6LinkLocalAllNodes())
	all := redact.NewSecret(angry{})
	quoted := []byte(`"` + heldText + `"`)
	errs := map[string]error{
		"too large":        json.Unmarshal([]byte(strconv.Itoa(heldNumber)), &number),
		"not a number":     json.Unmarshal(quoted, &number),
		"not a struct":     json.Unmarshal(quoted, &login),
		"field":            json.Unmarshal([]byte(`{"N":"`+heldText+`"}`), &login),
		"not a string":     json.Unmarshal([]byte(strconv.Itoa(heldNumber)), &text),
		"address":          json.Unmarshal(quoted, &address),
		"address, as text": address.UnmarshalText([]byte(heldText)),
		"angry":            json.Unmarshal(quoted, &all),
		"angry, as text":   all.UnmarshalText([]byte(heldText)),
		"mask":             json.Unmarshal([]byte(`"[REDACTED]"`), &text),
		"mask, as text":    text.UnmarshalText([]byte(mask)),
		"invalid":          text.UnmarshalJSON([]byte(heldText)),
	}
	for name, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "redact: decode redact.Secret[") {
			t.Errorf("%s: got error %v", name, err)
			continue
		}
		checkHidden(t, name, fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)))
	}
	if number.Reveal() != 7 || login.Reveal().User != "bob" || text.Reveal() != "old" || !address.Reveal().IsValid() {
		t.Error("what is refused has changed the secret")
	}
}

func TestSecretZeroAndCopies(t *testing.T) {
	t.Parallel()
	var zero redact.Secret[login]
	if got := zero.Reveal(); got != (login{}) || fmt.Sprint(zero) != mask {
		t.Errorf("zero reveals %v and prints %v", got, zero)
	}
	var none *redact.Secret[string]
	if got := fmt.Sprintf("%v", none); got != "<nil>" {
		t.Errorf("nil pointer prints %s", got)
	}
	a, b := redact.NewSecret(heldText), redact.NewSecret(heldText)
	copied := a
	if copied != a || a == b || copied.Reveal() != heldText {
		t.Error("a copy is not the secret, or another is")
	}
}

func TestSecretConcurrentSafe(t *testing.T) {
	t.Parallel()
	s := redact.NewSecret(heldText)
	done := make(chan string)
	for range 8 {
		go func() { done <- fmt.Sprint(s) + s.Reveal() }()
	}
	for range 8 {
		if got := <-done; got != mask+heldText {
			t.Error(got)
		}
	}
}
