package redact_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/redact"
)

// examples has, for each default rule, texts with the secret in « », and texts
// in which it finds nothing. No secret here was ever one.
func examples() map[string]struct{ found, clean []string } {
	a36 := strings.Repeat("aB3dE6", 6)
	return map[string]struct{ found, clean []string }{
		"url_password": {
			[]string{
				"postgres://u:«hunter2»@h:5432/db?x=1", "redis://:«hunter2»@h/0", "https://u:«p@ss»@h/", "https://u:«pa/ss»@h/p",
				"amqp://u:«12345»@h", `("https://u:«p"w»@h")`, "dial https://u:«hunter2»@h: refused, http://h2:80/ up",
				"smtp://bob@example.com:«hunter2»@smtp:587", "postgres://u:«#hunter2»@h/db", "https://«k12»:x-oauth-basic@h/", "https://«k12»:@h",
			},
			[]string{"https://u@h/", "http://h:8080/u@h", "http://h:80?m=a@b", "http://[::1]:80/a@b", "a://b:c", "time 12:30 x@y", "docker-pullable://nginx:1.25@sha256:0a1b"},
		},
		"dsn_password": {
			[]string{"u:«hunter2»@tcp(127.0.0.1:3306)/db", "u:«p@s:s»@unix(/tmp/s)/db?x=1", "u:«x1»@/db", "u:«x1»@(h:1)/db", "u:«x1»@cloudsql(p:r:i)/db"},
			[]string{"u@tcp(h)/db", "@tcp(h)", "call @tcp(x)"},
		},
		"bearer": {
			[]string{"got Bearer «abcdef123456» from x", "BEARER «a1b2c3d4==»", "Bearer «" + strings.Repeat("abcd", 8) + "»"},
			[]string{"bearer of bad news", "the bearer authentication-middleware failed", "Bearer x1", "forbearer abcdef123456"},
		},
		"basic": {
			[]string{"sent Basic «dXNlcjpwYXNz» to x", "basic «dTpw»"},
			[]string{"basic authentication", "Basic understanding", "basic dXNlcg=="},
		},
		"command_flag": {
			[]string{"mysql --password «hunter2» db", `x --api-key "«a b»" y`, "x --client-secret '«a b»'", "x --pass «hunter2»", "x -token «t1»", "x --private-key «hunter2»", "x --credentials «hunter2»"},
			[]string{"x --password --force", "x --password", "x --token-file f", "-- password x"},
		},
		"xml_element": {
			[]string{"<a><Password>«hunter2»</Password></a>", `<w:api-key type="x">«a<b»</w:api-key>`, "<secret>«<![CDATA[x]]>»</secret>", "<SecretAccessKey>«k»</SecretAccessKey>", "<Pwd>«k»</Pwd>"},
			[]string{"<password/>", "<password></password>", "<tokens>5</tokens>", "<passwordReset>true</passwordReset>", "a<b></b>"},
		},
		"jwt": {
			[]string{"got «" + jwt + "» ok", "«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.»", "«eyJhbGciOiJSU0EifQ.a.b.c.d»"},
			[]string{"eyJ", "eyJhbGciOiJIUzI1NiJ9", "keyJabcdef.x", "obeyJohn.Smith"},
		},
		"private_key": {
			[]string{
				"-----BEGIN RSA PRIVATE KEY-----«\nMIIE\nabcd\n»-----END RSA PRIVATE KEY-----\nrest",
				"-----BEGIN PRIVATE KEY-----«\nMIIE", "-----BEGIN OPENSSH PRIVATE KEY-----« a b »-----END OPENSSH PRIVATE KEY-----",
				"-----BEGIN PGP PRIVATE KEY BLOCK-----«\n\nlQ\n»-----END PGP PRIVATE KEY BLOCK-----",
			},
			[]string{"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\nMIIE"},
		},
		"aws_key_id": {
			[]string{"id «AKIAIOSFODNN7EXAMPLE» used", "«ASIAIOSFODNN7EXAMPLE»"},
			[]string{"AKIA", "AKIAIOSFODNN7EXAMPL", "xAKIAIOSFODNN7EXAMPLE", "Akiaiosfodnn7example"},
		},
		"github_token": {
			[]string{"«ghp_" + a36 + "»", "use «ghs_" + a36 + "»!", "«github_pat_" + a36 + "_" + a36 + "»"},
			[]string{"ghp_short", "xghp_" + a36, "github_pat_x"},
		},
		"gitlab_token": {
			[]string{"«glpat-abcdefghij0123456789»", "«gldt-abcdefghij_123456789»"},
			[]string{"glpat-short", "glpath-abcdefghij0123456789"},
		},
		"google_api_key": {
			[]string{"«AIza" + a36[:35] + "» x"},
			[]string{"AIza" + a36[:34], "xAIza" + a36[:35]},
		},
		"npm_token": {
			[]string{"«npm_" + a36 + "»"},
			[]string{"npm_config_registry", "npm_" + a36[:35]},
		},
		"slack_token": {
			[]string{"«xoxb-1234567890-abcdef»", "«xapp-1-A0-1234567890»", "«xoxe.xoxp-1-abcdefghij»"},
			[]string{"xoxb-", "xox", "foxx-abcdefghijk"},
		},
		"slack_webhook": {
			[]string{"https://hooks.slack.com/services/«T000/B000/XXXXXXXX» down"},
			[]string{"https://hooks.slack.com/", "https://hooks.slack.com/docs"},
		},
		"stripe_key": {
			[]string{"«sk_live_abcdefghij0123»", "«rk_test_abcdefghij0123»", "«whsec_abcdefghij0123456789»"},
			[]string{"sk_live_", "pk_live_abcdefghij0123", "task_live_abcdefghij0123"},
		},
		"sql_password": {
			[]string{"ALTER USER b WITH PASSWORD '«hunter2»'", `identified by "«a b»"`},
			[]string{"password reset 'x'", "identified by name", "password ''"},
		},
		"quoted_token": {
			[]string{`invalid token "«hunter2»" here`, "API key '«abc123»'"},
			[]string{`unexpected token "identifier"`, "token '}'", `token ""`},
		},
		"curl_user": {
			[]string{"curl -u bob:«hunter2» https://h", "curl -s --user 'bob:«x»' h"},
			[]string{"curl -u bob h", "curl https://h:80/"},
		},
		"telegram_token": {
			[]string{"/bot123456789:«" + a36 + "»/sendMessage"},
			[]string{"/bot123456789/x", "/bots:x"},
		},
		"discord_webhook": {
			[]string{"https://discord.com/api/webhooks/123456/«" + a36 + "»"},
			[]string{"/api/webhooks/list", "/api/webhooks/1/x"},
		},
		"openai_key":         {[]string{"«sk-proj-" + a36 + "»"}, []string{"sk-proj-x", "task-proj-" + a36}},
		"sendgrid_key":       {[]string{"«SG." + a36 + "." + a36 + "»"}, []string{"SG.x.y", "MSG." + a36}},
		"google_oauth_token": {[]string{"«ya29." + a36 + "»"}, []string{"ya29.x"}},
		"vault_token":        {[]string{"«hvs." + a36 + "»"}, []string{"hvs.x"}},
		"digitalocean_token": {[]string{"«dop_v1_" + a36 + a36 + "»"}, []string{"dop_v1_x", "api_v1_" + a36 + a36}},
		"bcrypt_hash":        {[]string{"«$2a$10$" + a36 + a36[:17] + "»"}, []string{"$2a$10$x", "$25"}},
		"payment_card": {
			[]string{
				"card «4111111111111111» ok", "«4111 1111 1111 1111»", "5 «4111-1111-1111-1111», x", "«378282246310005»",
				"«3782 822463 10005»", "«4222222222222»", "«6304000000000000»", "«6011111111111117»", "«5555555555554444»",
			},
			[]string{
				"4111111111111112", "4000000000000000006", "4611686018427387904", "2305843009213693951", "4006381333931000", "1763767845123456", "9111111111111111", "41111111111111111111", "a4111111111111111",
				"4111111111111111b", "0000000000000000",
			},
		},
	}
}

func TestDefaultRules(t *testing.T) {
	t.Parallel()
	all := examples()
	var names []string
	for _, r := range redact.DefaultRules() {
		names = append(names, r.Name)
		if r.Source == "" {
			t.Errorf("%s has no source", r.Name)
		}
		ex := all[r.Name]
		if len(ex.found) == 0 || len(ex.clean) == 0 {
			t.Errorf("%s has no examples", r.Name)
		}
		alone := logged(t, &redact.Options{NoDefaults: true, Rules: []redact.Rule{r}, Mask: "«»"})
		for _, text := range ex.found {
			before, rest, _ := strings.Cut(text, "«")
			secret, after, _ := strings.Cut(rest, "»")
			if diff := cmp.Diff(before+"«»"+after, alone(before+secret+after)); diff != "" {
				t.Errorf("%s: %s: mismatch (-want +got):\n%s", r.Name, text, diff)
			}
			if got := redact.String(before + secret + after); strings.Contains(got, secret) {
				t.Errorf("%s: %s: all rules together leave %s", r.Name, text, got)
			}
		}
		for _, text := range ex.clean {
			if got := alone(text); got != text {
				t.Errorf("%s: %q has become %q", r.Name, text, got)
			}
		}
	}
	if want := slices.Sorted(maps.Keys(all)); !slices.Equal(want, slices.Sorted(slices.Values(names))) {
		t.Errorf("rules %q, examples for %q", names, want)
	}
}

// More rules than the prefilter has bits for.
func TestManyRules(t *testing.T) {
	t.Parallel()
	var rules []redact.Rule
	text, want := "", ""
	for i := range 100 {
		word := "w" + strings.Repeat("x", i) + "y"
		rules = append(rules, redact.Rule{Name: "r", Pattern: word})
		text, want = text+word+" ", want+m+" "
	}
	with := logged(t, &redact.Options{Rules: rules})
	if diff := cmp.Diff(want, with(text)); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}
