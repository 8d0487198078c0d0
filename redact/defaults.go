package redact

import (
	"crypto"
	"encoding/base64"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// DefaultRules returns the rules that a handler has without Options.NoDefaults, and those for Options.Enable.
// Each finds a form that is published, see Rule.Source:
//
//   - url_password: the password in scheme://user:password@host
//   - dsn_password: the same in a data source name, user:password@tcp(host)
//   - bearer, basic: credentials after the name of an HTTP scheme
//   - command_flag: --password x, --token x and the like
//   - sql_password, quoted_token, curl_user: password 'x', identified by 'x',
//     token "x", curl -u user:x
//   - xml_element: <password>x</password>, <wsse:Token a="b">x</wsse:Token>
//   - jwt: JSON Web Tokens
//   - private_key: PEM blocks with a private key, also cut off ones
//   - aws_key_id, github_token, gitlab_token, google_api_key, npm_token,
//     slack_token, slack_webhook, stripe_key, telegram_token, discord_webhook,
//     openai_key, sendgrid_key, google_oauth_token, vault_token,
//     digitalocean_token: keys with a prefix of their issuer
//   - bcrypt_hash: $2b$10$…
//   - payment_card: 13 to 16 digits that pass the Luhn check, in groups or not
//
// Those with names in their form (command_flag, xml_element) have a list of their
// own: they do not know Options.Keys.
func DefaultRules() []Rule { return slices.Clone(defaultRules()) }

func compileDefaults() []Rule {
	pattern := func(name, source, literals, expr string, check func(string) bool) Rule {
		find := finder(regexp.MustCompile(expr), check)
		return Rule{Name: name, Source: source, Pattern: expr, matcher: &matcher{expr, strings.Split(literals, "|"), 0, find}}
	}
	return []Rule{
		{Name: "key", Group: "credentials", Keys: strings.Fields(`
*password *passwd *passwords *passphrase *passcode *secret *secrets *credential *credentials *token *accesstokens *authtokens *apitokens *refreshtokens *apikey *apikeys *accesskey *secretkey *privatekey *signingkey *encryptionkey *accountkey *sharedkey *masterkey *sshkey *authkey *authorization *cookie *cookies *jwt *sessionid *sessid *sessionkey *dbpass *userpass *smtppass *dbpwd *userpwd *creds *mnemonic *codeverifier *clientassertion *samlresponse *passwordhash *passwordconfirmation *passwordconfirm *passwordvalue *passwordstring *passphrases *passcodes *secretstring *secretvalue *secretkeybase *secretkeys *tokenvalue *tokenstring *idtokens *sessiontokens *bearertokens *privatekeys *privatekeypem *privatekeydata *sessiondata *jwtkey *hmackey *applicationkey *subscriptionkey *xamzsignature *xamzcredential *xgoogsignature *xgoogcredential *_pass *_pwd *_pw *_session *_csrf *_xsrf *_otp *_cvv *_cvc *_ssn`)},
		{
			Name: "crypto_key", Group: "keys", Source: "Go package crypto, PrivateKey",
			Types: []reflect.Type{reflect.TypeFor[interface{ Public() crypto.PublicKey }]()},
		},
		{Name: "struct_tag", Group: "credentials", Tags: []string{"redact"}},
		{Name: "url_query", Group: "credentials", Source: "RFC 6749 section 4.1.2"},
		// A password with a slash in it is outside the grammar but often written; a port is not one.
		pattern("url_password", "RFC 3986 section 3.2.1", "@",
			`://(?:([^\s/?#:@"'<>\[]+):(?:x-oauth-basic)?@`+
								`|[^\s/?#:"'<>\[]*:([^\s/?#<>]*|[0-9]*[^\s0-9/?#@"'<>][^\s<>"']*|#[^\s<>"'@]*)@)`, nil).
			with("://").notBefore("@sha256:"), // the digest of an image
		pattern("dsn_password", "github.com/go-sql-driver/mysql, DSN", "@tcp(|@unix(|@tcp6(|@cloudsql(|@(|@/",
			`[^\s:@/"'=]+:(\S+)@(?:(?:tcp6?|unix|cloudsql)?\(|/\w)`, nil),
		pattern("bearer", "RFC 6750 section 2.1", "bearer",
			`(?i)\bbearer(?:\s+|%20|\+)([a-z0-9._~+/-]{8,}=*)`, isCredential),
		pattern("basic", "RFC 7617 section 2", "basic",
			`(?i)\bbasic\s+([a-z0-9+/_-]{4,}={0,2})`, isUserPass),
		pattern("command_flag", "GNU coding standards, section 4.8", "--|-pass|-token|-secret",
			`(?i)(?:--[a-z0-9_-]*|\s-)(?:password|passwd|passphrase|passcode|-pass|secret|token|credentials?|`+
				`(?:api|secret|access|private|account)[-_]?key)`+
				`[ \t]+(?:"([^"]*)"|'([^']*)'|([^\s"'-]\S*))`, nil),
		pattern("xml_element", "W3C XML 1.0, section 3", "</",
			`(?is)<(?:[\w.-]+:)?[\w.-]*(?:password|passwd|passphrase|passcode|pwd|secret|token|session[-_]?id|`+
				`(?:api|private|access|account)[-_]?key)`+
				`(?:\s[^<>]*)?>(.+?)</`, nil),
		pattern("sql_password", "MySQL and PostgreSQL manuals, CREATE USER", "password|identified by",
			`(?i)\b(?:password|identified\s+by)\s+(?:'([^']+)'|"([^"]+)")`, nil),
		pattern("quoted_token", "convention of clients that print what was refused", "token|api key",
			`(?i)\b(?:token|api key)\s+(?:'([a-z0-9._~+/=-]{6,})'|"([a-z0-9._~+/=-]{6,})")`, isCredential),
		pattern("curl_user", "curl man page, --user", "curl ",
			`\bcurl\s[^\r\n]{0,200}?\s?(?:-u|--user)[ \t=]+["']?[^\s:"']+:([^\s"']+)`, nil),
		pattern("jwt", "RFC 7519 section 3, RFC 7515 section 3.1", "eyj",
			`\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*`, nil),
		{Name: "private_key", Source: "RFC 7468 sections 10 and 11", matcher: &matcher{"", []string{"-----begin"}, 0, pemFinder()}},
		pattern("aws_key_id", "AWS IAM User Guide, IAM identifiers", "akia|asia",
			`\b(?:AKIA|ASIA)[A-Z2-7]{16}\b`, nil),
		pattern("github_token", "GitHub Docs, About authentication to GitHub, token formats",
			"ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
			`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})`, nil),
		pattern("gitlab_token", "GitLab Docs, Token overview, token prefixes",
			"glpat-|gldt-|glrt-|glcbt-|glptt-|glft-|glimt-|glagent-|glsoat-|gloas-",
			`\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas)-[A-Za-z0-9_.-]{20,}`, nil),
		pattern("google_api_key", "Google Cloud Docs, API keys overview", "aiza",
			`\bAIza[A-Za-z0-9_-]{35}`, nil),
		pattern("npm_token", "GitHub Blog, Announcing npm's new access token format", "npm_",
			`\bnpm_[A-Za-z0-9]{36}`, nil),
		pattern("slack_token", "Slack API Docs, Token types", "xox|xapp-",
			`\b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{10,}`, nil),
		pattern("slack_webhook", "Slack API Docs, Incoming webhooks", "hooks.slack.com/",
			`hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{10,})`, nil),
		pattern("stripe_key", "Stripe Docs, API keys", "k_live_|k_test_|whsec_",
			`\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})`, nil),
		pattern("telegram_token", "Telegram Bot API, Authorizing your bot", "/bot",
			`/bot[0-9]{6,}:([A-Za-z0-9_-]{30,})`, nil),
		pattern("discord_webhook", "Discord Developer Docs, Webhook resource", "/api/webhooks/",
			`/api/webhooks/[0-9]+/([A-Za-z0-9_-]{16,})`, nil),
		pattern("openai_key", "OpenAI and Anthropic API references, authentication", "sk-proj-|sk-svcacct-|sk-admin-|sk-ant-",
			`\bsk-(?:proj|svcacct|admin|ant)-[A-Za-z0-9_-]{16,}`, nil),
		pattern("sendgrid_key", "SendGrid Docs, API keys", "sg.",
			`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`, nil),
		pattern("google_oauth_token", "Google Cloud Docs, token types", "ya29.",
			`\bya29\.[A-Za-z0-9_-]{16,}`, nil),
		pattern("vault_token", "HashiCorp Vault Docs, tokens", "hvs.|hvb.|hvr.",
			`\bhv[sbr]\.[A-Za-z0-9_-]{20,}`, nil),
		pattern("digitalocean_token", "DigitalOcean Docs, personal access tokens", "_v1_",
			`\bdo[por]_v1_[A-Za-z0-9]{40,}`, nil),
		pattern("bcrypt_hash", "OpenBSD crypt(3)", "$2",
			`\$2[abxy]\$[0-9]{2}\$[A-Za-z0-9./]{53}`, nil),
		{Name: "payment_card", Source: "ISO/IEC 7812-1, annex B (Luhn)", matcher: &matcher{"", nil, minCard, findCards}},
	}
}

// with returns the rule for texts that have this literal too.
func (r Rule) with(literal string) Rule {
	find := r.matcher.find
	r.matcher.find = func(s string) []span {
		if !strings.Contains(s, literal) {
			return nil
		}
		return find(s)
	}
	return r
}

// notBefore returns the rule without what it finds before this literal.
func (r Rule) notBefore(literal string) Rule {
	find := r.matcher.find
	r.matcher.find = func(s string) []span {
		return slices.DeleteFunc(find(s), func(f span) bool { return strings.HasPrefix(s[f.end:], literal) })
	}
	return r
}

// isCredential tells a credential from the word after "bearer" in a sentence.
func isCredential(s string) bool { return strings.ContainsAny(s, "0123456789") || len(s) >= 32 }

// isUserPass reports whether s is what follows "Basic" in a header.
func isUserPass(s string) bool {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	return err == nil && strings.Contains(string(text), ":")
}
