package redact_test

import (
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/mlkem"
	"regexp"
	"strconv"
	"strings"
)

// An example shows what a default rule finds and what it does not. Secrets stand
// in « », and none of them was ever one: {w36} is 36 made up letters and digits, see
// made. The first text of each kind is in docs/redaction-rules.md.
type example struct {
	rule string
	what string   // that the rule finds
	text []string // with a secret
	none []string // without, also for all rules together
	only []string // without one for this rule, though for others

	// Of rules for values.
	values, noValues []any
	show             [2]string // how the page shows them
}

// made returns the text with each {x9} replaced by as many characters of a class,
// of which next chooses one: w is letters and digits, b and B are those of base64
// for URLs and of base64, h and u hexadecimal digits and upper case with digits, l
// is lower case with digits, d digits, k and o base32, s base58.
func made(text string, next func(n int) int) string {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	classes := map[string]string{
		"w": upper + digits + lower, "b": upper + digits + lower + "-_", "B": upper + digits + lower + "+/",
		"h": "0123456789abcdef", "u": upper + digits, "l": lower + digits, "d": digits,
		"k": upper + "234567", "o": lower + "234567", "s": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
	}
	return regexp.MustCompile(`\{[wbBhuldkos][0-9]+\}`).ReplaceAllStringFunc(text, func(s string) string {
		size, err := strconv.Atoi(s[2 : len(s)-1])
		if err != nil {
			return s
		}
		class := classes[s[1:2]]
		b := make([]byte, size)
		for i := range b {
			b[i] = class[next(len(class))]
		}
		return string(b)
	})
}

// plain returns the text with secrets that are the same each time.
func plain(text string) string {
	i := 0
	return made(text, func(n int) int {
		i += 11
		return i % n
	})
}

type passport struct {
	Holder string
	Number string `redact:""`
}

func examples() []example {
	key := ed25519.NewKeyFromSeed([]byte("a seed that nobody would ever use"[:32]))
	curve, _ := ecdh.X25519().NewPrivateKey([]byte("a seed that nobody would ever use"[:32]))
	kem, _ := mlkem.NewDecapsulationKey768([]byte(strings.Repeat("a seed ", 10)[:64]))
	block, _ := aes.NewCipher([]byte("sixteen bytes ok"))
	const line = `time=2026-11-22T14:00:00Z level=INFO msg=x `
	return []example{
		{
			rule: "password", what: "what a key for a password has",
			text: []string{
				"password=«hunter2»", line + "db.passwd=«hunter2» n=1", "DB_PASS: «hunter2»", "userPwd=«hunter2»", `{"passphrase":"«a b»"}`,
				"password_confirmation=«hunter2»", "password2=«hunter2»", "smtppass=«hunter2»", "old_pw=«hunter2»", "Password-Hash: «5f4dcc3b5aa765d6»",
			},
			none: []string{
				"password_changed_at=2026-01-01", "password reset requested", "bypass=1 compass=north", "passed=3 failed=0", "has_password=true", "PWD=/home/bob",
				"password_policy=strong", "password_length=12", "passenger=bob", "password=null", "tpw_count=1", "bpw=8x", "passcode_required=true", "pwd_expiry=30d",
			},
		},
		{
			rule: "secret", what: "what a key for a secret or for credentials has",
			text: []string{
				"client_secret=«hunter2»", line + "secrets=«[a b]» n=1", "AWS_CREDENTIALS: «hunter2»", `{"SecretString":"«a b»"}`, "secret_key_base=«hunter2»", "db.creds=«hunter2»",
			},
			none: []string{
				"secretary=bob", "secret_name=db/main", "secret_id=7", "secret_version=3", "secrets_count=2", "credential_id=5", "credentials_source=env",
				"secretsmanager=eu-west-1", "secret rotated: ok", "sacred=1",
			},
		},
		{
			rule: "token", what: "what a key for a token has",
			text: []string{
				"access_token=«hunter2»", line + "refreshToken=«hunter2» n=1", "X-Auth-Token: «hunter2»", `{"id_token":"«hunter2»"}`, "bearer=«hunter2»", "jwt: «hunter2»",
				"SAMLResponse=«PHNhbWw»", "client_assertion=«hunter2»", "token_value=«hunter2»",
			},
			none: []string{
				"token_type=Bearer", "max_tokens=100 prompt_tokens: 5", "tokens=17", "token_count=3", "token_expires_at=2026-11-22", "tokenizer=bpe", "tokenized=true",
				"unexpected token: '}' at 3", "std::token::next", "bearer_format=JWT", "require_token=false", "token_id=7", "token expired for user 5", "bearers=2",
			},
		},
		{
			rule: "api_key", what: "what a key for an API key has",
			text: []string{
				"api_key=«hunter2»", line + "X-API-Key: «hunter2»", `{"apiKeys":"«a b»"}`, "access-key=«hunter2»", "DD_APP_KEY=«hunter2»", "NEW_RELIC_LICENSE_KEY=«hunter2»",
				"Ocp-Apim-Subscription-Key: «hunter2»", "SharedAccessKey=«hunter2»",
			},
			none: []string{
				"key=value", "keyboard=de", "monkey=1", "api_key_id=7", "routing_key=orders.new", "primary_key=id", "sort_key=name", "cache_key=user:5", "partition_key=7",
				"public_key=abc", "keys=3", "api_keys_total=3", "turkey=1", "idempotency_key=7f1f9b8e", "issue_key=ABC-12", "project_key=ABC", "hotkey=ctrl+c", "foreign_key=user_id",
			},
		},
		{
			rule: "private_key_field", what: "what a key for a private or a secret key has",
			text: []string{
				"private_key=«hunter2»", line + `{"privateKeyPem":"«a b»"}`, "secretKey: «hunter2»", "ENCRYPTION_KEY=«hunter2»", "PresharedKey = «hunter2»", "wpa_psk=«hunter2»",
				`mnemonic="«two words»"`, "client-key-data: «TFMwdExT»", "signing_keys=«[a b]»", "PrivateKey = «hunter2»",
			},
			none: []string{
				"private_key_id=7f1f9b8e", "encryption_key_arn=arn:aws:kms:eu-west-1:1:key/7", "signing_key_id=7", "private=true", "encrypted=yes", "encryption=aes",
				"mnemonics=3", "recovery=1", "key_size=2048",
			},
		},
		{
			rule: "authorization", what: "the header Authorization, and others that end so, to the end of the credentials",
			text: []string{
				"Authorization: «Bearer abc.def»", line + "Proxy-Authorization: «Basic dXNlcg==» n=1", `{"authorization":"«Token x»"}`, "auth_header=«hunter2»",
			},
			none: []string{"authorization failed", "authorized=true", "authorization_endpoint=https://h/authorize", "auth=basic", "author=bob", "authority=h:80", "authenticated=yes"},
		},
		{
			rule: "cookie", what: "the headers Cookie and Set-Cookie, to the end of the line",
			text: []string{"Cookie: «a=b; c=d»", line + "Set-Cookie: «sid=hunter2; Path=/; HttpOnly»", `{"cookies":"«a=b»"}`, "session_cookie=«hunter2»"},
			none: []string{"cookie_consent=yes", "cookies disabled", "cookie_domain=example.com", "cookie_max_age=3600"},
		},
		{
			rule: "session", what: "what a key for a session has",
			text: []string{"session_id=«hunter2»", line + "PHPSESSID=«hunter2» n=1", "JSESSIONID: «hunter2»", "session=«hunter2»", "laravel_session=«hunter2»", "sessionKey=«hunter2»"},
			none: []string{"session_count=3", "sessions=17", "session closed", "session_duration=3s", "session_timeout=30m", "obsession=1", "sessionless=true", "Session::start()"},
		},
		{
			rule: "csrf", what: "what a key for a token against forged requests has",
			text: []string{"csrf=«hunter2»", line + "_xsrf=«hunter2» n=1", "_csrf: «hunter2»"},
			none: []string{"csrf_enabled=true", "csrf_protection=on", "csrf check failed"},
			only: []string{"csrf_token=hunter2"},
		},
		{
			rule: "one_time_code", what: "what a key for a code that is good once has",
			text: []string{
				"otp=«123456»", line + "verification_code: «123456» n=1", `{"backupCodes":"«a b»"}`, "code_verifier=«hunter2»", "mfa_code=«123456»", "authorization_code=«hunter2»", "user.totp=«123456»",
			},
			none: []string{
				"otp_enabled=true", "status_code=404", "error_code=E1234", "pin_code=110001", "pin=13", "country_code=de", "exit code: 3", "promo_code=SUMMER", "laptop=1", "postcode=12345",
				"code=200", "zip_code=90210", "barcode=4006381333931", "devops=1",
			},
		},
		{
			rule: "signed_url", what: "what signs a URL of AWS or Google Cloud Storage",
			text: []string{"https://h/p?X-Amz-Signature=«{h64}»&x=1", line + "X-Goog-Signature=«{h64}» n=1"},
			none: []string{"X-Amz-Date=20261122T140000Z", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Expires=3600", "X-Amz-Request-Id=7f1f9b8e"},
		},
		{
			rule: "url_query", what: "sig, signature and code in the query of a URL, with 10 characters or more",
			text: []string{"https://h/cb?code=«a1b2c3d4e5»&state=x", line + "GET /p?a=1&sig=«a1b2c3d4e5»&x=1 200", "https://h/p?signature=«a1b2c3d4e5»"},
			none: []string{"https://h/p?code=404&x=1", "sig=SIGTERM code=5", "signature=valid", "code=a1b2c3d4e5"},
		},
		{
			rule: "card_number", what: "what a key for the number of a card has, whatever it is",
			text: []string{"card_number=«1234»", line + "ccNumber: «1234» n=1", `{"creditCard":"«1234»"}`, "cardno=«1234»"},
			none: []string{"card_type=visa", "card_count=2", "discard_number=5", "cards=3", "payment_method=credit_card", "account_number=5", "number=4", "wildcard=*"},
		},
		{
			rule: "card_verification", what: "what a key for the code or the PIN of a card has",
			text: []string{"cvv=«123»", line + "card.cvc2: «123» n=1", "security_code=«123»", "cardPin=«1234»"},
			none: []string{"cvv_required=true", "cvs=1", "card_pinned=yes", "tracking_data=x", "pin=13"},
		},
		{
			rule: "bank_account", what: "what a key for a bank account has",
			text: []string{"iban=«DE00»", line + "bankAccountNumber: «12345» n=1", "bank_account=«12345»"},
			none: []string{"bank=x", "bank_code=5", "account_id=7", "caliban=1", "account=bob"},
		},
		{
			rule: "national_id", what: "what a key for the number of a person or a passport has",
			text: []string{"ssn=«123-45-6789»", line + "passportNumber: «X123» n=1", "social_security_number=«123»", "national_id=«123»"},
			none: []string{"ssn_required=true", "assn=1", "passport_country=de", "international_id=7", "nation=de", "passport=true"},
		},
		{
			rule: "struct_tag", what: "the fields of a struct with the tag `redact`",
			values: []any{passport{"bob", "X123"}, &passport{"bob", "X123"}}, noValues: []any{struct{ Number string }{"X123"}},
			show: [2]string{"struct { Number string `redact:\"\"` }", "struct { Number string }"},
		},
		{
			rule: "crypto_key", what: "values that are private keys of package crypto, and ciphers, which hold their key",
			values: []any{key, curve, kem, block}, noValues: []any{key.Public(), curve.PublicKey(), harmless{}},
			show: [2]string{"*rsa.PrivateKey, ed25519.PrivateKey, *mlkem.DecapsulationKey768, cipher.Block", "*rsa.PublicKey"},
		},
		{
			rule: "url_password", what: "the password in a URL, or the user that has none beside it",
			text: []string{
				"postgres://u:«hunter2»@h:5432/db?x=1", "redis://:«hunter2»@h/0", "https://u:«p@ss»@h/", "https://u:«pa/ss»@h/p",
				"amqp://u:«12345»@h", `("https://u:«p"w»@h")`, "dial https://u:«hunter2»@h: refused, http://h2:80/ up",
				"smtp://bob@example.com:«hunter2»@smtp:587", "postgres://u:«#hunter2»@h/db", "https://«k12»:x-oauth-basic@h/", "https://«k12»:@h",
				`"url":"https:\/\/bob:«hunter2»@h\/`,
			},
			none: []string{"http://h:8080/u@h", "https://u@h/", "http://h:80?m=a@b", "http://[::1]:80/a@b", "a://b:c", "time 12:30 x@y", "docker-pullable://nginx:1.25@sha256:0a1b"},
		},
		{
			rule: "dsn_password", what: "the password in a data source name",
			text: []string{"u:«hunter2»@tcp(127.0.0.1:3306)/db", line + "dsn=u:«p@s:s»@unix(/tmp/s)/db?x=1", "u:«x1»@/db", "u:«x1»@(h:1)/db", "u:«x1»@cloudsql(p:r:i)/db"},
			none: []string{"u@tcp(h)/db", "@tcp(h)", "call @tcp(x)"},
		},
		{
			rule: "bearer", what: "what follows the scheme Bearer: with a digit in it, or of 32 characters or more",
			text: []string{"got Bearer «abcdef123456» from x", "BEARER «a1b2c3d4==»", "Bearer «abcdabcdabcdabcdabcdabcdabcdabcd»", "auth=Bearer%20«abcdef123456»"},
			none: []string{"bearer of bad news", "the bearer authentication-middleware failed", "Bearer x1", "forbearer abcdef123456"},
		},
		{
			rule: "basic", what: "what follows the scheme Basic and is user:password in base64",
			text: []string{"sent Basic «dXNlcjpwYXNz» to x", "basic «dTpw»"},
			none: []string{"basic authentication", "Basic understanding", "basic dXNlcg=="},
		},
		{
			rule: "command_flag", what: "what follows a flag such as --password, --client-secret or -token",
			text: []string{
				"mysql --password «hunter2» db", `x --api-key "«a b»" y`, "x --client-secret '«a b»'", "x --pass «hunter2»", "x -token «t1»", "x --private-key «hunter2»", "x --credentials «hunter2»",
				`msg="mysql --password \"«two hunter2»\" db"`, `x --password "«a\"b c»" y`, `x --password "«two words»`, `x --token '«a b»' y`, `["app" "--token" "«a b»"]`, `[]string{"--password", "«hunter2»"}`,
			},
			none: []string{
				"x --password --force", "--token string   the token to use", "usage: x [--password PASSWORD] [--token <TOKEN>]", `unknown flag "--token" in command`, "--password is required",
				`flags "--token" "--force"`, "x --password", "x --token-file f", "-- password x", "x --no-token-check y",
			},
		},
		{
			rule: "command_password", what: "the password in a command line of sshpass, redis-cli, docker login or ldapsearch",
			text: []string{
				"sshpass -p «hunter2» ssh h", line + "cmd: docker login -u bob -p «hunter2» h", "redis-cli -h h -a «hunter2» ping", "ldapsearch -x -D cn=x -w '«a b»'", `sshpass -p"«a b»" ssh h`,
				"mysql -u root -p«hunter2» db", "mysqldump -uroot -p'«a b»' db", "mongosh -u bob -p «hunter2»", "sqlcmd -S h -U sa -P «hunter2»",
			},
			none: []string{"sshpass -f file ssh h", "docker login h", "redis-cli -h h ping", "docker run -p 80:80 nginx", "docker run --name mysql -p3306:3306 x", "mysql -u root -p db", "mysql -h h db", "mongo up", "ldapsearch -x -W"},
		},
		{
			rule: "curl_user", what: "the password of curl --user",
			text: []string{"curl -u bob:«hunter2» https://h", "curl -s --user 'bob:«x»' h", `curl -u "bob:«two words»" h`, `msg="curl -u \"bob:«two words»\" h"`, "curl -H 'A: b' https://h -ubob:«hunter2»"},
			none: []string{"curl -u bob h", "curl https://h:80/", "curl https://my-url:8080/x", "curl --user-agent a:b h", "curl -o out:1 h"},
		},
		{
			rule: "curl_cookie", what: "the cookies of curl --cookie",
			text: []string{"curl -b «sid=hunter2» https://h", "curl --cookie '«a=b; sid=hunter2»' h"},
			none: []string{"curl -b cookies.txt h", "curl -s h?a=b"},
		},
		{
			rule: "url_fields", what: "the password in a url.URL that is printed by its fields",
			text: []string{"{Scheme:https Opaque: User:bob:«hunter2» Host:h Path:/p}"},
			none: []string{"{Scheme:https Opaque: User: Host:h Path:/p}", "User:bob Host:h"},
		},
		{
			rule: "netrc", what: "the password in a line of .netrc",
			text: []string{"machine h login bob password «hunter2»", "read: machine api.example.com\n  login bob\n  password «hunter2»\n"},
			none: []string{"machine h login bob", "login bob password", "the machine rejected the login with a password"},
		},
		{
			rule: "redis_password", what: "requirepass and masterauth in a configuration of Redis",
			text: []string{"requirepass «hunter2»", `CONFIG SET masterauth "«a b»"`, `cmd="CONFIG SET requirepass \"«a b»\""`, "port 6379\nmasterauth «hunter2»\nbind ::1"},
			none: []string{"the requirepass directive is not set", "requirepass is not set", "requirepass", "masterauth:"},
		},
		{
			rule: "sql_password", what: "the password in a statement of SQL",
			text: []string{"ALTER USER b WITH PASSWORD '«hunter2»'", `identified by "«a b»"`, `msg="identified by \"«a b»\" x"`, "PASSWORD '«it''s hunter2»'", line + "CREATE USER bob IDENTIFIED BY '«hunter2»'"},
			none: []string{"password reset 'x'", "identified by name", "password ''"},
		},
		{
			rule: "quoted_token", what: "a token in quotes, with a digit in it, that an error names",
			text: []string{`invalid token "«hunter2»" here`, `msg="invalid token \"«hunter2»\""`, "API key '«abc123»'"},
			none: []string{`unexpected token "identifier"`, "token '}'", `token ""`},
		},
		{
			rule: "xml_element", what: "what stands in an element of XML that is named as a secret",
			text: []string{
				"<a><Password>«hunter2»</Password></a>", `<w:api-key type="x">«a<b»</w:api-key>`, "<secret>«<![CDATA[x]]>»</secret>", "<SecretAccessKey>«k»</SecretAccessKey>", "<Pwd>«k»</Pwd>",
			},
			none: []string{"<passwordReset>true</passwordReset>", "<password/>", "<password></password>", "<tokens>5</tokens>", "a<b></b>"},
		},
		{
			rule: "password_hash", what: "hashes of passwords: bcrypt, argon2, scrypt, PBKDF2, SHA-crypt, MD5-crypt, yescrypt, SCRAM, SSHA",
			text: []string{
				"«$2b$10${w53}»", line + "hash is «$argon2id$v=19$m=65536,t=3,p=4${B22}${B43}» n=1", "«$6${w16}${w86}»", "«$6$rounds=5000${w8}${w86}»", "«$5${w8}${w43}»", "«$1${w8}${w22}»",
				"«$apr1${w8}${w22}»", "«$y$j9T${w22}${w43}»", "«$scrypt$ln=15,r=8,p=1${B22}${B43}»", "«$pbkdf2-sha256$29000${w22}${w43}»",
				"«pbkdf2_sha256$600000${w22}${B43}=»", "«SCRAM-SHA-256$4096:{B22}==${B43}=:{B43}=»", "«{SSHA}{B32}»",
			},
			none: []string{"$2a$10$x", "$25", "echo $1$2 $6", "cost $5$", "$argon2 is slow", "SCRAM-SHA-256", "{SSHA}", "pbkdf2_sha256"},
		},
		{
			rule: "jwt", what: "JSON Web Tokens, signed, encrypted or neither",
			text: []string{"got «" + jwt + "» ok", "«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.»", "«eyJhbGciOiJSU0EifQ.a.b.c.d»", "next=x%3D«" + jwt + "»", `line\n«` + jwt + `» x`, "id_«" + jwt + "»"},
			none: []string{"eyJhbGciOiJIUzI1NiJ9", "eyJ", "keyJabcdef.x", "obeyJohn.Smith"},
		},
		{
			rule: "aws_key_id", what: "the ID of an access key of AWS",
			text: []string{"id «AKIAIOSFODNN7EXAMPLE» used", "«ASIA{k16}»", "«ABIA{k16}»", "«ACCA{k16}»"},
			none: []string{"AKIA is a prefix", "AKIA", "AKIAIOSFODNN7EXAMPL", "xAKIAIOSFODNN7EXAMPLE", "Akiaiosfodnn7example", "AIDAIOSFODNN7EXAMPLE", "AROAIOSFODNN7EXAMPLE"},
		},
		{
			rule: "aws_secret_key", what: "a secret access key of AWS behind the ID that it belongs to",
			text: []string{"AKIAIOSFODNN7EXAMPLE:«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»", `"ASIA{k16}", "«{B40}»" x`},
			none: []string{"commit 3cfd338a55b9d3e1f0a2b4c6d8e0f1a3b5c7d9e1"},
			only: []string{"AKIAIOSFODNN7EXAMPLE used by user-service", "AKIAIOSFODNN7EXAMPLE {B64}"},
		},
		{
			rule: "aws_bedrock_key", what: "API keys of Amazon Bedrock",
			text: []string{"«ABSK{w120}=»", line + "sent «bedrock-api-key-{w60}» n=1"},
			none: []string{"ABSK", "bedrock-api-key-rotation", "ABSK{w20}"},
		},
		{
			rule: "google_api_key", what: "API keys of Google Cloud",
			text: []string{"«AIza{b35}» x", "https://maps.example.com/js?key=«AIza{w35}»"},
			none: []string{"AIza", "AIza{w34}", "xAIza{w35}"},
		},
		{
			rule: "google_oauth_token", what: "access and refresh tokens of Google",
			text: []string{"«ya29.{b40}»", line + "got «1//0{b60}» n=1"},
			none: []string{"ya29.x", "1//0", "http://h1//0123", "1//2 is a comment"},
		},
		{
			rule: "google_client_secret", what: "client secrets of Google OAuth",
			text: []string{"«GOCSPX-{b28}»", line + "with «GOCSPX-{b28}» n=1"},
			none: []string{"GOCSPX-", "GOCSPX is a prefix"},
		},
		{
			rule: "azure_storage_key", what: "the key in a connection string of Azure",
			text: []string{"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=«{B86}==»", "Endpoint=sb://h/;SharedAccessKeyName=x;SharedAccessKey=«{B43}=»"},
			none: []string{"AccountName=x;AccountKey=", "SharedAccessKeyName=RootManageSharedAccessKey", "AccountKey rotated"},
		},
		{
			rule: "azure_sas", what: "the signature of a shared access signature of Azure",
			text: []string{"https://h/c?sv=2022-11-02&sp=r&sig=«{w43}%3D»", line + "SharedAccessSignature sr=x&sig=«{w43}=»&se=1"},
			none: []string{"https://h/c?sv=2022-11-02&sp=r", "sig=SIGTERM", "got sig=9"},
		},
		{
			rule: "azure_client_secret", what: "client secrets of Microsoft Entra ID",
			text: []string{"«{w3}8Q~{b34}»", line + "with «abc8Q~{w31}» n=1"},
			none: []string{"Q~", "8Q~x", "FAQ~1", "{w3}8Q~{w20}"},
		},
		{
			rule: "azure_key", what: "keys of services of Azure that have a mark in them",
			text: []string{
				"«{w52}JQQJ99{w26}»", line + "with «{B76}+ASt{B5}Q==» n=1", "«{B33}+AEhC{B5}=»", "«{w42}AzSeC{w5}»", "«{b44}AzFu{b5}Q==»", "«{B76}ACDb{B5}g==»", "«{B33}AzCaC{B5}=»",
			},
			none: []string{"JQQJ99", "+AST+x", "the ACDb service", "apim gateway up", "AzFu", "{w20}AzSe{w5}"},
		},
		{
			rule: "alibaba_key_id", what: "the ID of an access key of Alibaba Cloud",
			text: []string{"«LTAI{w20}»", line + "id=«LTAI{w20}» n=1"},
			none: []string{"LTAI", "LTAI{w30}", "DELTAIR"},
		},
		{
			rule: "digitalocean_token", what: "tokens of DigitalOcean",
			text: []string{"«dop_v1_{h64}»", "«doo_v1_{h64}»", line + "x=«dor_v1_{h64}» n=1"},
			none: []string{"dop_v1_x", "api_v1_{h64}", "foo_v1_bar"},
		},
		{
			rule: "cloudflare_token", what: "API keys and tokens of Cloudflare, and keys for its origin CA",
			text: []string{"«cfut_{w40}{h8}»", "«cfat_{w40}{h8}»", "«cfk_{w40}{h8}»", line + "x=«v1.0-{h24}-{h146}» n=1"},
			none: []string{"cfut_x", "v1.0-rc1", "v1.0-{h24}", "release v1.0-2026"},
		},
		{rule: "heroku_key", what: "API keys of Heroku", text: []string{"«HRKU-AA{b58}»", line + "with «HRKU-AA{w58}» n=1"}, none: []string{"HRKU-AA", "HRKU-{w10}"}},
		{rule: "fly_token", what: "tokens of Fly.io", text: []string{"FlyV1 «fm2_{B120}=»", "«fo1_{b43}»", line + "x=«fm1r_{w100}» n=1"}, none: []string{"fm2_x", "fo1_bar", "FlyV1"}},
		{rule: "vercel_token", what: "tokens and API keys of Vercel", text: []string{"«vcp_{w56}»", "«vck_{w56}»", line + "x=«vci_{w56}» n=1"}, none: []string{"vcp_total", "vck_{w9}", "vcs_{w40}"}},
		{rule: "netlify_token", what: "tokens of Netlify", text: []string{"«nfp_{w36}»", line + "x=«nfp_{w36}» n=1"}, none: []string{"nfp_x", "nfp_{w20}"}},
		{rule: "planetscale_token", what: "tokens and passwords of PlanetScale", text: []string{"«pscale_tkn_{b43}»", "«pscale_pw_{b43}»", line + "x=«pscale_oauth_{b43}» n=1"}, none: []string{"pscale_tkn_x", "pscale_id_{w43}"}},
		{rule: "supabase_key", what: "secret keys and tokens of Supabase", text: []string{"«sb_secret_{b31}»", "«sbp_{h40}»", line + "x=«sbp_v0_{h40}» n=1"}, none: []string{"sb_publishable_{b31}", "sbp_x", "sb_secret_name"}},
		{rule: "databricks_token", what: "tokens of Databricks", text: []string{"«dapi{h32}»", "«dapi{h32}-2»", line + "x=«dapi{h32}» n=1"}, none: []string{"dapi", "dapi{h31}", "dapi{h40}", "dapi.example.com"}},
		{rule: "tailscale_key", what: "keys of Tailscale", text: []string{"«tskey-auth-{w12}CNTRL-{w32}»", line + "x=«tskey-api-{w12}-{w32}» n=1"}, none: []string{"tskey-auth", "tskey-expired-x"}},
		{
			rule: "github_token", what: "tokens of GitHub",
			text: []string{
				"«ghp_{w36}»", "use «ghs_{w36}»!", "«github_pat_{w22}_{w59}»", "«gho_{w36}» x", "«ghu_{w36}»", "«ghr_{w76}»", "«ghs_123456_eyJ{w40}.{b100}.{b86}»", "GET /p?next=%3D«ghp_{w36}»",
				`line\n«ghp_{w36}»`, `x\u003d«ghp_{w36}»`, "x_«ghp_{w36}»", "https://«ghp_{w36}»@github.com/o/r",
			},
			none: []string{"ghp_short", "xghp_{w36}", "github_pat_x", "ghs_total"},
		},
		{
			rule: "gitlab_token", what: "tokens of GitLab",
			text: []string{
				"«glpat-{b20}»", "«gldt-abcdefghij_123456789»", "«glptt-{h40}»", "«glrt-t1_{b27}.{l2}.{l7}»", "«glcbt-64_{b20}»", "«glagent-{b50}»", "«GR1348941{b20}»", line + "x=«glpat-{b27}.01.{l9}» n=1",
				"«glwt-{b20}»", "«glffct-{b20}»", "«gloas-{h64}»", "«glrtr-{b20}»", "«glsoat-{b20}»", "«glft-{b20}»", "«glimt-{b25}»",
			},
			none: []string{"glpat-short", "glpath-abcdefghij0123456789", "GR1348941"},
		},
		{
			rule: "atlassian_token", what: "API tokens of Atlassian, access tokens and app passwords of Bitbucket",
			text: []string{"«ATATT3xFfGF0{b170}={u8}»", "«ATCTT3xFfGN0{b170}={u8}»", line + "x=«ATBB{w32}» n=1"},
			none: []string{"ATBB", "ATATT3", "FLATBBQ{w30}"},
		},
		{rule: "npm_token", what: "tokens of npm", text: []string{"«npm_{w36}»", "//registry.npmjs.org/:_auth is «npm_{w36}» x"}, none: []string{"npm_config_registry", "npm_{w35}", "npm_lifecycle_event"}},
		{rule: "pypi_token", what: "tokens of PyPI", text: []string{"«pypi-AgEIcHlwaS5vcmc{b80}»", line + "x=«pypi-AgENdGVzdC5weXBpLm9yZw{b80}» n=1"}, none: []string{"pypi-Agent", "pypi-server"}},
		{rule: "rubygems_key", what: "API keys of RubyGems", text: []string{"«rubygems_{h48}»", line + "x=«rubygems_{h48}» n=1"}, none: []string{"rubygems_version", "rubygems_{h20}"}},
		{rule: "crates_token", what: "tokens of crates.io", text: []string{"«cio{w32}»", line + "x=«cio{w32}» n=1"}, none: []string{"precious", "cio", "cio{w31}", "cio{w33}", "delicious cio"}},
		{rule: "nuget_key", what: "API keys of NuGet", text: []string{"«oy2{o43}»", line + "x=«oy2{o43}» n=1"}, none: []string{"oy2", "oy2{o42}", "boy2{o43}", "oy2{o44}"}},
		{rule: "packagist_token", what: "tokens of Private Packagist", text: []string{"«packagist_ort_{h68}»", line + "x=«packagist_uut_{h68}» n=1"}, none: []string{"packagist_mirror", "packagist_ort_{h20}"}},
		{rule: "clojars_token", what: "tokens of Clojars", text: []string{"«CLOJARS_{h60}»", line + "x=«CLOJARS_{h60}» n=1"}, none: []string{"CLOJARS_USERNAME=bob", "CLOJARS_"}},
		{rule: "docker_token", what: "access tokens of Docker", text: []string{"«dckr_pat_{b27}»", line + "x=«dckr_oat_{b32}» n=1"}, none: []string{"dckr_pat_x", "dckr_pat_{b20}"}},
		{rule: "jfrog_token", what: "API keys and reference tokens of JFrog Artifactory", text: []string{"«AKCp{w69}»", line + "x=«cmVmdGtu{w56}» n=1"}, none: []string{"AKCp", "AKCp{w60}", "cmVmdGtu"}},
		{rule: "buildkite_token", what: "tokens of Buildkite", text: []string{"«bkua_{h40}»", line + "x=«bkaa_{w70}» n=1"}, none: []string{"bkua_x", "bkaa_{w9}"}},
		{rule: "circleci_token", what: "tokens of CircleCI", text: []string{"«CCIPAT_{w22}_{h40}»", line + "x=«CCIPRJ_{w22}_{h40}» n=1"}, none: []string{"CCIPAT_x", "CCIPAT_{w22}"}},
		{rule: "sonar_token", what: "tokens of SonarQube", text: []string{"«squ_{h40}»", "«sqp_{h40}»", line + "x=«sqa_{h40}» n=1"}, none: []string{"squ_x", "sqp_{h20}"}},
		{rule: "sourcegraph_token", what: "tokens of Sourcegraph", text: []string{"«sgp_{h40}»", "«sgp_{h16}_{h40}»", line + "x=«sgp_local_{h40}» n=1"}, none: []string{"sgp_x", "sgp_{h20}"}},
		{rule: "postman_key", what: "API keys of Postman", text: []string{"«PMAK-{h24}-{h34}»", line + "x=«PMAK-{h24}-{h34}» n=1"}, none: []string{"PMAK-", "PMAK-{h24}"}},
		{rule: "vault_token", what: "tokens of HashiCorp Vault", text: []string{"«hvs.{b90}»", "«hvb.{b138}»", line + "x=«hvr.{b90}» n=1"}, none: []string{"hvs.x", "hvs.example.com"}},
		{rule: "terraform_token", what: "tokens of HCP Terraform", text: []string{"«{w14}.atlasv1.{w67}»", line + "x=«{w14}.atlasv1.{b67}» n=1"}, none: []string{".atlasv1.", "{w14}.atlasv1.x", "mongodb.atlasv1.example"}},
		{rule: "doppler_token", what: "tokens of Doppler", text: []string{"«dp.pt.{w43}»", "«dp.st.prd_eu.{w43}»", "«dp.st.{w43}»", line + "x=«dp.ct.{w43}» n=1"}, none: []string{"dp.pt.x", "udp.st.example.com"}},
		{rule: "pulumi_token", what: "tokens of Pulumi", text: []string{"«pul-{h40}»", line + "x=«pul-{h40}» n=1"}, none: []string{"pul-1", "pul-{h20}"}},
		{rule: "openshift_token", what: "tokens of OpenShift", text: []string{"«sha256~{b43}»", line + "x=«sha256~{b43}» n=1"}, none: []string{"sha256:{h64}", "sha256~x"}},
		{rule: "onepassword_token", what: "service account tokens and secret keys of 1Password", text: []string{"«ops_eyJ{B250}==»", line + "x=«A3-{u6}-{u6}-{u5}-{u5}-{u5}-{u5}» n=1"}, none: []string{"ops_eyJ", "A3-SHEET", "A3-{u6}-{u6}"}},
		{rule: "grafana_token", what: "tokens and API keys of Grafana", text: []string{"«glsa_{w32}_{h8}»", "«glc_{B60}=»", line + "x=«eyJrIjoi{w76}==» n=1"}, none: []string{"glsa_x", "glc_init", "eyJrIjoi"}},
		{rule: "datadog_token", what: "personal access tokens and application keys of Datadog", text: []string{"«ddpat_{w40}»", line + "x=«ddap_{w40}» n=1"}, none: []string{"ddpat_x", "ddap_{w9}", "ldap_search"}},
		{rule: "newrelic_key", what: "user and insert keys of New Relic", text: []string{"«NRAK-{u27}»", line + "x=«NRII-{b32}» n=1"}, none: []string{"NRAK-", "NRAK-{u20}"}},
		{rule: "newrelic_license", what: "license keys of New Relic", text: []string{"«{h32}FFFFNRAL»", line + "x=«eu01xx{h26}FFFFNRAL» n=1"}, none: []string{"FFFFNRAL", "{h20}FFFFNRAL", "{h40}"}},
		{rule: "sentry_token", what: "tokens of Sentry", text: []string{"«sntryu_{h64}»", line + "x=«sntrys_eyJ{B120}=_{B43}» n=1"}, none: []string{"sntryu_x", "sntrys_", "https://{h32}@o1.ingest.sentry.io/2"}},
		{rule: "dynatrace_token", what: "tokens of Dynatrace", text: []string{"«dt0c01.{u24}.{u64}»", line + "x=«dt0s02.{u8}.{u64}» n=1"}, none: []string{"dt0c01.x", "dt0c01.{u24}"}},
		{
			rule: "slack_token", what: "tokens of Slack",
			text: []string{"«xoxb-1234567890-abcdef»", "«xapp-1-A0-1234567890»", "«xoxe.xoxp-1-abcdefghij»", line + "x=«xoxp-{d12}-{d12}-{w24}» n=1"},
			none: []string{"xoxb-", "xox", "foxx-abcdefghijk", "xoxo"},
		},
		{rule: "slack_webhook", what: "webhooks of Slack", text: []string{"https://hooks.slack.com/services/«T000/B000/aB3dE6» down"}, none: []string{"https://hooks.slack.com/docs", "https://hooks.slack.com/"}},
		{rule: "discord_webhook", what: "webhooks of Discord", text: []string{"https://discord.com/api/webhooks/123456/«{b68}»", line + "POST /api/webhooks/1/«{b68}» 204"}, none: []string{"/api/webhooks/list", "/api/webhooks/1/x"}},
		{
			rule: "teams_webhook", what: "webhooks of Microsoft Teams",
			text: []string{"https://x.webhook.office.com/webhookb2/«{h8}@{h8}/IncomingWebhook/{h32}/{h8}» down"}, none: []string{"https://x.webhook.office.com/", "https://x.webhook.office.com/docs"},
		},
		{
			rule: "telegram_token", what: "tokens of bots of Telegram",
			text: []string{"https://api.telegram.org/bot123456789:«{b35}»/sendMessage", "bot 123456789:«AA{b33}» up"},
			none: []string{"/bot123456789/x", "/bots:x", "12345678:AA", "at 10:AA55"},
		},
		{rule: "sendgrid_key", what: "API keys of SendGrid", text: []string{"«SG.{b22}.{b43}»", line + "x=«SG.{w22}.{w43}» n=1"}, none: []string{"SG.x.y", "MSG.{w40}", "SG.region"}},
		{
			rule: "mailgun_key", what: "API keys of Mailgun, as the password of the user api or beside its name",
			text: []string{"as api:«key-{h32}»", "mailgun key is «{h32}-{h8}-{h8}»", line + "x=https://api.mailgun.net/v3 with «key-{h32}» n=1"},
			none: []string{"cache key-{h32}", "key-1", "api key-value store", "mailgun id {h40}"},
		},
		{rule: "mailchimp_key", what: "API keys of Mailchimp", text: []string{"«{h32}-us12»", line + "x=«{h32}-us6» n=1"}, none: []string{"en-us1", "{h31}-us1", "us-east-1"}},
		{rule: "brevo_key", what: "API and SMTP keys of Brevo", text: []string{"«xkeysib-{h64}-{w16}»", line + "x=«xsmtpsib-{h64}-{w16}» n=1"}, none: []string{"xkeysib-", "xkeysib-{h64}"}},
		{
			rule: "stripe_key", what: "secret and restricted keys of Stripe, and secrets of its webhooks",
			text: []string{"«sk_live_{w24}»", "«rk_test_{w24}»", "«whsec_{w32}»", line + "x=«sk_test_{w99}» n=1"},
			none: []string{"pk_live_{w24}", "sk_live_", "task_live_abcdefghij0123", "whsec_"},
		},
		{
			rule: "stripe_client_secret", what: "client secrets of payments of Stripe",
			text: []string{"«pi_{w24}_secret_{w25}»", line + "x=«seti_{w24}_secret_{w25}» n=1"},
			none: []string{"client_secret_basic", "pi_{w24}", "api_secret_store"},
		},
		{rule: "square_token", what: "tokens and secrets of Square", text: []string{"«sq0atp-{b22}»", "«sq0csp-{b43}»", line + "x=«EAAA{w60}» n=1"}, none: []string{"sq0idp-{b22}", "EAAA", "EAAA{w20}", "EAAA{w80}"}},
		{rule: "braintree_token", what: "access tokens of Braintree", text: []string{"«access_token$production${l16}${h32}»", line + "x=«access_token$sandbox${l16}${h32}» n=1"}, none: []string{"access_token$production", "access_token$x"}},
		{rule: "shopify_token", what: "tokens and secrets of Shopify", text: []string{"«shpat_{h32}»", "«shpca_{h32}»", "«shppa_{h32}»", line + "x=«shpss_{h32}» n=1"}, none: []string{"shpat_x", "shpat_{h20}", "shp_file"}},
		{rule: "shippo_token", what: "tokens of Shippo", text: []string{"«shippo_live_{h40}»", line + "x=«shippo_test_{h40}» n=1"}, none: []string{"shippo_live_x", "shippo_order_{h40}"}},
		{rule: "plaid_token", what: "access tokens of Plaid", text: []string{"«access-production-{h8}-{h4}-{h4}-{h4}-{h12}»", line + "x=«access-sandbox-{h8}-{h4}-{h4}-{h4}-{h12}» n=1"}, none: []string{"access-production-eu", "access-{h8}-{h4}-{h4}-{h4}-{h12}"}},
		{
			rule: "openai_key", what: "API keys of OpenAI",
			text: []string{"«sk-proj-{b74}T3BlbkFJ{b74}»", "«sk-svcacct-{b60}»", line + "x=«sk-admin-{b60}» n=1"},
			none: []string{"sk-proj-x", "task-proj-{w36}", "sk-1"},
		},
		{rule: "openai_legacy_key", what: "API keys of OpenAI without a project", text: []string{"«sk-{w20}T3BlbkFJ{w20}»", line + "x=«sk-{w20}T3BlbkFJ{w20}» n=1"}, none: []string{"T3BlbkFJ", "sk-T3BlbkFJ"}},
		{rule: "anthropic_key", what: "API keys of Anthropic", text: []string{"«sk-ant-api03-{b93}AA»", line + "x=«sk-ant-admin01-{b93}AA» n=1"}, none: []string{"sk-ant-x", "task-ant-{w36}"}},
		{rule: "huggingface_token", what: "tokens of Hugging Face", text: []string{"«hf_{w34}»", line + "x=«api_org_{w34}» n=1"}, none: []string{"hf_hub", "hf_{w30}", "api_org_id=7", "hf_{w40}"}},
		{rule: "replicate_token", what: "tokens of Replicate", text: []string{"«r8_{w37}»", line + "x=«r8_{w37}» n=1"}, none: []string{"r8_x", "r8_{w20}"}},
		{rule: "groq_key", what: "API keys of Groq", text: []string{"«gsk_{w52}»", line + "x=«gsk_{w52}» n=1"}, none: []string{"gsk_x", "gsk_{w20}"}},
		{rule: "xai_key", what: "API keys of xAI", text: []string{"«xai-{w80}»", line + "x=«xai-{w80}» n=1"}, none: []string{"xai-1", "xai-{w20}"}},
		{rule: "perplexity_key", what: "API keys of Perplexity", text: []string{"«pplx-{w48}»", line + "x=«pplx-{w48}» n=1"}, none: []string{"pplx-7b", "pplx-{w20}"}},
		{rule: "nvidia_key", what: "API keys of NVIDIA", text: []string{"«nvapi-{b64}»", line + "x=«nvapi-{b64}» n=1"}, none: []string{"nvapi-1", "nvapi-{w20}"}},
		{rule: "openrouter_key", what: "API keys of OpenRouter", text: []string{"«sk-or-v1-{h64}»", line + "x=«sk-or-v1-{h64}» n=1"}, none: []string{"sk-or-v1-x", "sk-or-not"}},
		{rule: "notion_token", what: "tokens of Notion", text: []string{"«ntn_{d11}{w35}»", line + "x=«secret_{w43}» n=1"}, none: []string{"secret_rotation", "ntn_x", "secret_{w30}", "secret_{w64}"}},
		{rule: "linear_key", what: "API keys and tokens of Linear", text: []string{"«lin_api_{w40}»", line + "x=«lin_oauth_{h64}» n=1"}, none: []string{"lin_api_x", "berlin_api_{w40}"}},
		{rule: "figma_token", what: "tokens of Figma", text: []string{"«figd_{b40}»", "«figur_{b40}»", line + "x=«figo_{b40}» n=1"}, none: []string{"figd_x", "fig_{b40}"}},
		{rule: "airtable_token", what: "tokens of Airtable, beside its name", text: []string{"airtable token is «pat{w14}.{h64}»", line + "https://api.airtable.com/v0 with «pat{w14}.{h64}» n=1"}, none: []string{"airtable path /v0", "pattern.{h64}", "airtable pat{w14}"}},
		{rule: "contentful_token", what: "tokens of Contentful", text: []string{"«CFPAT-{b43}»", line + "x=«CFPAT-{b43}» n=1"}, none: []string{"CFPAT-", "CFPAT-{w20}"}},
		{rule: "typeform_token", what: "tokens of Typeform", text: []string{"«tfp_{w44}»", line + "x=«tfp_{w44}» n=1"}, none: []string{"tfp_x", "tfp_{w20}"}},
		{rule: "hubspot_token", what: "tokens of HubSpot", text: []string{"«pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}»", line + "x=«pat-eu1-{h8}-{h4}-{h4}-{h4}-{h12}» n=1"}, none: []string{"pat-na1-x", "pat-{h8}-{h4}-{h4}-{h4}-{h12}", "{h8}-{h4}-{h4}-{h4}-{h12}"}},
		{
			rule: "private_key", what: "private keys in PEM, of OpenSSH and of OpenPGP, also when they are cut off",
			text: []string{
				"-----BEGIN RSA PRIVATE KEY-----«\nMIIE\nabcd\n»-----END RSA PRIVATE KEY-----\nrest",
				"-----BEGIN PRIVATE KEY-----«\nMIIE", "-----BEGIN OPENSSH PRIVATE KEY-----« a b »-----END OPENSSH PRIVATE KEY-----",
				"-----BEGIN PGP PRIVATE KEY BLOCK-----«\n\nlQ\n»-----END PGP PRIVATE KEY BLOCK-----",
			},
			none: []string{"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\nMIIE"},
		},
		{
			rule: "putty_key", what: "private keys of PuTTY",
			text: []string{"Public-Lines: 1\n{B64}\nPrivate-Lines: 2\n«{B64}\n{B40}=»\nPrivate-MAC: x"},
			none: []string{"Public-Lines: 1\nAAAA\n", "Private-Lines: none"},
		},
		{rule: "age_key", what: "secret keys of age", text: []string{"«AGE-SECRET-KEY-1{u58}»", line + "x=«AGE-SECRET-KEY-1{u58}» n=1"}, none: []string{"age1{l58}", "AGE-SECRET-KEY-1"}},
		{rule: "bitcoin_key", what: "extended private keys of Bitcoin", text: []string{"«xprv9{s106}»", line + "x=«tprv8{s106}» n=1"}, none: []string{"xpub{s107}", "xprv", "xprv{s50}"}},
		{
			rule: "payment_card", what: "numbers of cards: 13 to 16 digits, as the networks issue them, that pass the Luhn check, in groups or not",
			text: []string{
				"card «4111111111111111» ok", "«4111 1111 1111 1111»", "5 «4111-1111-1111-1111», x", "«378282246310005»", "number%3D«4111111111111111»", "card%20«4111111111111111»&x", `x\n«4111 1111 1111 1111»`,
				"«3782 822463 10005»", "«4222222222222»", "«6304000000000000»", "«6011111111111117»", "«5555555555554444»", "卡号«4111111111111111»", "日本«4111-1111-1111-1111»日本", "\xff«4111111111111111»",
			},
			none: []string{
				"4111111111111112", "4000000000000000006", "4611686018427387904", "2305843009213693951", "4006381333931000", "1763767845123456", "9111111111111111", "41111111111111111111", "a4111111111111111",
				"4111111111111111b", "0000000000000000", "txn_4111111111111111",
			},
		},
		{
			rule: "iban", what: "numbers of bank accounts with right check digits, in one piece or in groups of four",
			text: []string{
				"to «DE89 3704 0044 0532 0130 00» today", "«GB29NWBK60161331926819»", "«NL91ABNA0417164300»", "«FR1420041010050500013M02606»", "x=«NO9386011117947»,", "«CH93 0076 2011 6238 5295 7».", "«BE68 5390 0754 7034»",
				"«IT60X0542811101000000123456»", "«ES9121000418450200051332»", "«AT611904300234573201»", "«SE4550000000058398257466»", "«PL61109010140000071219812874»", "«MT84MALT011000012345MTLCAST001S»",
				"/pay?to%3D«DE89370400440532013000»", "转«DE89370400440532013000»",
			},
			none: []string{
				"DE88370400440532013000", "DE89 3704 0044 0532 0130", "XX89370400440532013000", "DE8937040044053201300012", "AD12345678901234567890123456", "xDE89370400440532013000", "de89370400440532013000",
				"DE89 37 04 0044 0532 0130 00", "IT2026 2026 2026 1234 56",
			},
		},
		{
			rule: "email", what: "addresses of e-mail",
			text: []string{"from «bob@example.com» to", "<«bob.b+x@mail.example.co.uk»>", "user=«jürgen@münchen.de».", "mailto:«bob@example.com»"},
			none: []string{"git@github.com:o/r.git", "bob@localhost", "left-pad@1.3.0", "@example.com", "a @b.com", "user@host:22", "nginx@sha256:0a1b"},
		},
		{
			rule: "ip_address", what: "addresses of hosts, IPv4 and IPv6, other than those of the host itself",
			text: []string{
				"from «192.0.2.7» ok", "dial tcp «192.0.2.7»:443: refused", "[«2001:db8::1»]:443", "«fe80::1»%eth0", "h/«192.0.2.7»", "«::ffff:192.0.2.7»", "«2001:db8:0:0:0:0:2:1».", "«10.0.0.0»/8", "x=«192.0.2.7»,",
				"«192.0.2.7».", "ip%3D«192.0.2.7»",
			},
			none: []string{
				"127.0.0.1", "1.2.3", "v1.2.3.4", "version 1.2.3.4", "version=1.2.3.4", "::", "::1", "0.0.0.0", "12:30:45", "std::vec", "a::b", "00:1a:2b:3c:4d:5e", "1.2.3.4.5", "300.1.1.1", "Chrome/120.0.6099.109",
				"2026-11-22T12:30:45.123", "cafe::add", "10:20", "dead:beef", "01.02.03.04",
			},
		},
	}
}

type harmless struct{ N int }
