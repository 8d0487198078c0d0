package redact

import (
	"crypto"
	"crypto/cipher"
	"encoding/base64"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The groups of the default rules.
const (
	groupCredentials = "credentials"
	groupTokens      = "tokens"
	groupKeys        = "keys"
	groupPayment     = "payment"
	groupPersonal    = "personal"
)

// DefaultRules returns the rules that are built in, in the order in which they
// decide. A handler has them all without Options.NoDefaults, other than those that
// are Optional: they are off unless Options.Enable names them. Each has its
// Source. The groups, and what is in them:
//
//   - credentials: passwords, secrets, tokens, API keys, sessions and cookies by
//     their keys; fields with the tag `redact`; passwords in URLs, data source
//     names, headers, commands, SQL and XML; hashes of passwords
//   - tokens: what the issuers of keys begin them with, as ghp_, AKIA and
//     sk_live_; JSON Web Tokens; webhooks
//   - keys: private keys by their keys, as PEM, and as values of package crypto
//   - payment: the numbers of cards (with the Luhn check) and of accounts (IBAN,
//     with the check of ISO 7064), and what goes with them by their keys
//   - personal: national identity numbers by their keys; off are email and
//     ip_address
//
// The page docs/redaction-rules.md lists them all, with examples. Rules with names
// in their form (command_flag, xml_element) have a list of their own: they do not
// know the keys of other rules.
func DefaultRules() []Rule {
	rules := slices.Clone(defaultRules())
	for i := range rules {
		r := &rules[i]
		r.Keys, r.Types, r.Tags = slices.Clone(r.Keys), slices.Clone(r.Types), slices.Clone(r.Tags)
	}
	return rules
}

// compileDefaults puts the default rules together. Expressions are compiled when a
// text first has one of their literals.
func compileDefaults() []Rule {
	return slices.Concat(keyRules(), valueRules(), textRules(), tokenRules(), paymentRules(), personalRules())
}

// keyRules are the rules for what stands under a key. A key is here if what it
// means elsewhere is hardly ever logged: not "auth", "key", "pin" (of a GPIO or
// a map), "pin_code" (in India, of a town), "account_number", "salt" or "state". Where
// a word ends in another, as discard_number does, the pattern has its border.
func keyRules() []Rule {
	rule := func(name, group, source, patterns string) Rule {
		return Rule{Name: name, Group: group, Source: source, Keys: strings.Fields(patterns)}
	}
	const (
		owasp  = "OWASP Logging Cheat Sheet, Data to exclude"
		rails  = "Ruby on Rails, filter_parameter_logging.rb"
		sentry = "Sentry SDK for Python, scrubber.DEFAULT_DENYLIST"
	)
	return []Rule{
		rule("password", groupCredentials, owasp, `
			*password *passwords *passwd *passphrase *passphrases *passcode *passcodes *_pass *_pwd *_pw
			*dbpass *userpass *smtppass *dbpwd *userpwd
			*passwordhash *passwordsalt *passworddigest *passwordconfirmation *passwordconfirm *passwordvalue *passwordstring
			*passwordtext *passworddata`),
		rule("secret", groupCredentials, sentry, `
			*secret *secrets *secretstring *secretvalue *secretbinary *secrettext *secretkeybase
			*credential *credentials *creds`),
		rule("token", groupCredentials, sentry, `
			*token *accesstokens *authtokens *apitokens *refreshtokens *idtokens *sessiontokens *bearertokens
			*tokenvalue *tokenstring *tokenhash *jwt *jwts bearer
			*clientassertion *samlresponse *samlassertion`),
		rule("api_key", groupCredentials, sentry, `
			*apikey *apikeys *accesskey *accesskeys *accountkey *authkey *appkey *applicationkey
			*subscriptionkey *licensekey *servicerolekey *functionskey
			*writekey *integrationkey *deploykey`),
		rule("private_key_field", groupKeys, owasp, `
			*privatekey *privatekeys *privatekeypem *privatekeydata *privkey *secretkey *secretkeys *signingkey *signingkeys
			*encryptionkey *encryptionkeys *decryptionkey *sharedkey *masterkey *sshkey *hmackey *aeskey *jwtkey
			*sessionticketkey *clientkeydata
			*keymaterial *_psk *mnemonic *seedphrase *recoveryphrase *recoverykey`),
		rule("authorization", groupCredentials, "RFC 9110 section 11.6.2; "+sentry,
			`*authorization *authorizationheader *authheader`),
		rule("cookie", groupCredentials, "RFC 6265 section 8.4; "+sentry,
			`*cookie *cookies *cookieheader *cookiejar`),
		rule("session", groupCredentials, owasp+"; "+sentry,
			`*_session *sessionid *sessid *sessionkey *sessiondata`),
		rule("csrf", groupCredentials, sentry, `*_csrf *_xsrf`),
		rule("one_time_code", groupCredentials, "RFC 6238 section 5.1; RFC 6749 section 4.1.2; RFC 7636 section 4.1; "+rails, `
			*_otp *_totp *otpcode *mfacode *twofactorcode *2facode *verificationcode *smscode
			*recoverycode *recoverycodes *backupcode *backupcodes *resetcode *activationcode
			*authcode *authorizationcode *codeverifier`),
		rule("signed_url", groupCredentials, "AWS Signature Version 4, query parameters; Google Cloud Storage, V4 signing",
			`*xamzsignature *xgoogsignature`),
		// What it finds is in pair.go: sig, signature and code, which are harmless elsewhere.
		{Name: "url_query", query: true, Group: groupCredentials, Source: "RFC 6749 section 4.1.2; Azure Storage, Create a service SAS"},
		rule("card_number", groupPayment, "PCI DSS v4.0, requirement 3.4",
			`
			*_cardnumber *_cardnum *_cardno *_ccnumber *_ccnum *creditcard *debitcard
			*creditcardnumber *debitcardnumber *primaryaccountnumber`),
		rule("card_verification", groupPayment, "PCI DSS v4.0, requirement 3.3",
			`*_cvv *_cvc *cvvcode *cvccode *_cardcode *securitycode *_cardpin *pinblock`),
		rule("bank_account", groupPayment, owasp, `*_iban *bankaccount *bankaccountnumber *bankaccountno`),
		rule("national_id", groupPersonal, owasp+"; "+rails, `
			*_ssn *socialsecuritynumber *socialsecurityno *_nationalid *_nationalidnumber *nationalinsurancenumber
			*passportnumber *passportno *driverlicensenumber *driverslicensenumber *drivinglicencenumber *aadhaar *aadhaarnumber`),
	}
}

// valueRules are the rules for values by their type and their field. A url.Userinfo
// needs none: its password is found by the name of its field, and its user stays.
func valueRules() []Rule {
	return []Rule{
		{Name: "struct_tag", Group: groupCredentials, Source: "this package", Tags: []string{"redact"}},
		{
			Name: "crypto_key", Group: groupKeys, Source: "Go packages crypto, PrivateKey and Decapsulator, and cipher, Block, AEAD and Stream",
			Types: []reflect.Type{
				reflect.TypeFor[interface{ Public() crypto.PublicKey }](), reflect.TypeFor[crypto.Decapsulator](),
				reflect.TypeFor[cipher.Block](), reflect.TypeFor[cipher.AEAD](), reflect.TypeFor[cipher.Stream](),
			},
		},
	}
}

// quoted is an expression for what stands in quotes: in double ones, in double
// ones of a text that is quoted again, in single ones; up to the end, if they are
// not closed.
const quoted = `"((?:[^"\\]|\\.)*)(?:"|$)|\\"((?:[^"\\]|\\\\(?:\\")?|\\[^"\\])*)(?:\\"|$)|'([^']*)(?:'|$)`

// bare is an expression for what stands in none, up to a space, without the quotes
// that close the text around it.
const bare = `([^\s"'-](?:[^\s"'\\]|["'\\]+[^\s"'\\])*)`

// textRules are the rules for credentials by what is around them in a text.
func textRules() []Rule {
	rule := func(name, source, literals, expr string, check func(string) bool) Rule {
		return formRule(name, groupCredentials, source, literals, expr, check)
	}
	return []Rule{
		// A password with a slash in it is outside the grammar but often written; a port is not one.
		rule("url_password", "RFC 3986 section 3.2.1", `://|:\/\/`,
			`:\\?/\\?/(?:([^\s/?#:@"'<>\[]+):(?:x-oauth-basic)?@`+
								`|[^\s/?#:"'<>\[]*:([^\s/?#<>]*|[0-9]*[^\s0-9/?#@"'<>][^\s<>"']*|#[^\s<>"'@]*)@)`, nil).
			with("@").notBefore("@sha256:"), // the digest of an image
		rule("dsn_password", "github.com/go-sql-driver/mysql, DSN", "@tcp(|@unix(|@tcp6(|@cloudsql(|@(|@/",
			`[^\s:@/"'=]+:(\S+)@(?:(?:tcp6?|unix|cloudsql)?\(|/\w)`, nil),
		rule("bearer", "RFC 6750 section 2.1", "bearer",
			`(?i)\bbearer(?:\s+|%20|\+)([a-z0-9._~+/-]{8,}=*)`, isCredential).from(word),
		rule("basic", "RFC 7617 section 2", "basic",
			`(?i)\bbasic\s+([a-z0-9+/_-]{4,}={0,2})`, isUserPass).from(word),
		rule("command_flag", "GNU coding standards, section 4.8", "password|passwd|passphrase|passcode|pass|secret|token|credential|"+
			"api-key|api_key|apikey|access-key|access_key|accesskey|private-key|private_key|privatekey|account-key|account_key|accountkey",
			`(?i)(?:(?:--[a-z0-9_-]{0,40}|\s-)(?:password|passwd|passphrase|passcode|secret|token|credentials?|`+
				`(?:api|secret|access|private|account)[-_]?key)|--(?:[a-z0-9_-]{0,40}-)?pass)`+
				`(?:[ \t]+(?:`+quoted+`|`+bare+`)|\\?["'],?[ \t]+(?:`+quoted+`))`, isFlagValue).from(flagStart),
		rule("command_password", "sshpass(1), redis-cli(1), docker login, ldapsearch(1), mysql(1), mongosh, sqlcmd",
			"sshpass|redis-cli|docker login|ldapsearch|ldapmodify|mysql|mariadb|mongo|sqlcmd",
			`\b(?:(?:sshpass[ \t]+-p|redis-cli[ \t](?:[^\r\n]*?[ \t])?-a|docker login[ \t](?:[^\r\n]*?[ \t])?-p`+
				`|ldap(?:search|modify)[ \t](?:[^\r\n]*?[ \t])?-w|mongo(?:sh|dump|restore)?[ \t](?:[^\r\n]*?[ \t])?-p|sqlcmd[ \t](?:[^\r\n]*?[ \t])?-P)[ \t]*`+
				`|(?:mysql(?:dump|admin|import)?|mariadb(?:-dump|-admin|-import)?)[ \t](?:[^\r\n]*?[ \t])?-p)(?:`+quoted+`|`+bare+`)`, isNoPort).with(" -p| -a| -w|\t-p|\t-a|\t-w"),
		rule("curl_user", "curl man page, --user and --proxy-user", "curl |curl\t",
			`\bcurl[ \t](?:[^\r\n]*?[ \t])?(?:-[A-Za-z]*[uU][ \t]*|--(?:proxy-)?user[ \t=]+)(?:"[^\s:"']+:([^"]+)"|'[^\s:"']+:([^']+)'`+
				`|\\"[^\s:"']+:([^"\\]+)\\"|[^\s:"'\\]+:([^\s"'\\]+))`, nil).with(" -|\t-"),
		rule("curl_cookie", "curl man page, --cookie", "curl |curl\t",
			`\bcurl[ \t](?:[^\r\n]*?[ \t])?(?:-b[ \t]*|--cookie[ \t=]+)(?:"([^"=]+=[^"]*)"|'([^'=]+=[^']*)'|\\"([^"=]+=[^"\\]*)\\"|([^\s"'=\\]+=[^\s"']*))`, nil).with(" -b| --cookie|\t-b|\t--cookie"),
		rule("url_fields", "Go package net/url, URL, as fmt prints its fields", "user:",
			`\bUser:[^\s:]*:(\S+) Host:`, nil).with(" host:"),
		rule("netrc", "curl man page, --netrc", "machine",
			`\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)`, nil).from(word),
		rule("redis_password", "Redis, redis.conf, requirepass and masterauth", "requirepass|masterauth",
			`(?im)(?:^[ \t]*(?:requirepass|masterauth)[ \t]+(?:`+quoted+`|([^\s"']+))[ \t]*$`+
				`|\bconfig[ \t]+set[ \t]+(?:requirepass|masterauth)[ \t]+(?:`+quoted+`|([^\s"']+)))`, nil),
		rule("sql_password", "MySQL and PostgreSQL manuals, CREATE USER", "password|identified",
			`(?i)\b(?:password|identified\s+by)\s+(?:'((?:[^']|'')+)'|"([^"]+)"|\\"([^"]+)\\")`, nil).from(word),
		rule("quoted_token", "convention of clients that print what was refused", "token|api key",
			`(?i)\b(?:token|api key)\s+(?:'([a-z0-9._~+/=-]{6,})'|\\?"([a-z0-9._~+/=-]{6,})\\?")`, isCredential).from(word),
		rule("xml_element", "W3C XML 1.0, section 3", "</",
			`(?is)<(?:[\w.-]+:)?[\w.-]*(?:password|passwd|passphrase|passcode|pwd|secret|token|session[-_]?id|`+
				`(?:api|private|access|account)[-_]?key)`+
				`(?:\s[^<>]*)?>(.+?)</`, nil).with("password|passwd|passphrase|passcode|pwd|secret|token|session|key"),
		rule("password_hash", "crypt(5); PHC string format; Django, Password management; RFC 5803 section 3; OpenLDAP, userPassword",
			"$2a$|$2b$|$2x$|$2y$|$2$|$argon2|$scrypt$|$pbkdf2|$y$|$gy$|$7$|$6$|$5$|$1$|$apr1$|pbkdf2_sha|scram-sha-|{ssha",
			`\$2[abxy]?\$[0-9]{2}\$[A-Za-z0-9./]{53}`+
				`|\$argon2(?:id|i|d)\$(?:v=[0-9]+\$)?m=[0-9,tp=]+\$[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{16,}`+
				`|\$scrypt\$ln=[0-9]+,r=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{16,}`+
				`|\$pbkdf2(?:-sha(?:1|256|512))?\$(?:i=)?[0-9]+(?:,l=[0-9]+)?\$[A-Za-z0-9./+]{8,}\$[A-Za-z0-9./+]{16,}`+
				`|\$(?:y|gy|7)\$[A-Za-z0-9./]+\$[A-Za-z0-9./]+\$[A-Za-z0-9./]{43}`+
				`|\$[56]\$(?:rounds=[0-9]+\$)?[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{43,86}`+
				`|\$(?:1|apr1)\$[A-Za-z0-9./]{1,8}\$[A-Za-z0-9./]{22}`+
				`|pbkdf2_sha(?:1|256|512)\$[0-9]+\$[A-Za-z0-9]+\$[A-Za-z0-9+/]{20,}=*`+
				`|SCRAM-SHA-(?:1|256|512)\$[0-9]+:[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]{20,}=*:[A-Za-z0-9+/]{20,}=*`+
				`|\{SSHA(?:256|512)?\}[A-Za-z0-9+/]{28,}=*`, nil).from(here),
	}
}

// formRule returns a rule for a form that is given by an expression. One of
// literals, in lower case and with | between, is in every text in which it is.
func formRule(name, group, source, literals, expr string, check func(string) bool) Rule {
	find := sync.OnceValue(func() func(string) []span { return finder(regexp.MustCompile(expr)) })
	return Rule{Name: name, Group: group, Source: source, Pattern: expr, Check: check, matcher: &matcher{
		pattern:  expr,
		literals: strings.Split(literals, "|"),
		find:     func(s string) []span { return find()(s) },
	}}
}

// with returns the rule for texts that have one of these literals too, in lower
// case and with | between.
func (r Rule) with(literals string) Rule {
	find, too := r.matcher.find, newTexts(strings.Split(literals, "|"))
	r.matcher.find = func(s string) []span {
		if too.in(s, 0) < 0 {
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

// isFlagValue tells a value from what a text about a flag, or its usage, has there.
func isFlagValue(s string) bool {
	word := strings.Trim(s, "<>[](){}|.,;:")
	switch word {
	case "string", "strings", "stringArray", "int", "file", "path", "is", "are", "was", "must", "has", "and", "or", "flag", "option", "cannot",
		"STRING", "FILE", "PATH", "VALUE", "PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "TOKEN", "SECRET", "KEY", "API_KEY", "CREDENTIALS":
		return false
	}
	return word != "" && s[0] != '-'
}

// isNoPort tells a password from what docker maps to a port: 3306:3306.
func isNoPort(s string) bool {
	return !strings.Contains(s, ":") || strings.Trim(s, "0123456789.:") != ""
}

// isUserPass reports whether s is what follows "Basic" in a header.
func isUserPass(s string) bool {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	return err == nil && strings.Contains(string(text), ":")
}

// paymentRules are the rules for numbers of cards and accounts.
func paymentRules() []Rule {
	return []Rule{
		{
			Name: "payment_card", Group: groupPayment, Source: "ISO/IEC 7812-1, annex B (Luhn)",
			matcher: cardNumber.matcher(),
		},
		{
			Name: "iban", Group: groupPayment, Source: "ISO 13616-1; SWIFT IBAN Registry",
			matcher: accountNumber.matcher(),
		},
	}
}

// personalRules are the rules for what says who somebody is. They are off: most
// services need some of it in their logs.
func personalRules() []Rule {
	email := formRule("email", groupPersonal, "RFC 5321 section 4.1.2", "@",
		`[\pL\pN_%+][\pL\pN._%+'-]{0,63}@(?:[\pL\pN](?:[\pL\pN-]{0,62})\.)+\pL{2,63}`, isEmail)
	email.Optional = true
	return []Rule{
		email,
		{
			Name: "ip_address", Group: groupPersonal, Source: "RFC 3986 section 3.2.2; RFC 4291 section 2.2", Optional: true,
			matcher: &matcher{find: findIPs},
		},
	}
}
