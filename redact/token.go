package redact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A form is what tokens look like: one of the prefixes, with spaces between, that
// their issuer begins them with, and an expression for what follows. In that,
// only the last part may be without a limit.
type form struct{ prefixes, body string }

// border is an expression for what may stand before a token: its last byte is the
// end of a percent-encoded or an escaped one, too.
const border = `(?:\b|_|%[0-9A-Fa-f]{2}|\\(?:[abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}))`

// jwtForm is the form of a JSON Web Token: its header, an object of JSON in base64,
// and at least one other part.
const jwtForm = border + `(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*)`

// tokenRules are the rules for tokens and keys. Where the source is a scanner, the
// issuer publishes no form. Keys without a form of their own, as 32 hexadecimal
// digits, are found by their keys only: so many other things look like them.
func tokenRules() []Rule {
	const (
		gitleaks   = "gitleaks, config/gitleaks.toml, "
		trufflehog = "TruffleHog, pkg/detectors/"
		microsoft  = "Microsoft security-utilities, "
		alnum      = `[A-Za-z0-9]`
		base64URL  = `[A-Za-z0-9_-]`
	)
	token := func(name, source string, forms ...form) Rule { return issued(name, groupTokens, source, forms...) }
	context := func(name, source, literals, expr string) Rule {
		return formRule(name, groupTokens, source, literals, expr, nil)
	}
	return []Rule{
		{
			Name: "jwt", Group: groupTokens, Source: "RFC 7519 section 3; RFC 7515 section 3.1", Pattern: jwtForm,
			matcher: &matcher{pattern: jwtForm, literals: []string{"eyj"}, find: findJWTs},
		},

		// Clouds.
		token("aws_key_id", "AWS IAM User Guide, IAM identifiers, Understanding unique ID prefixes",
			form{"AKIA ASIA ABIA ACCA", `[A-Z2-7]{16}\b`}),
		context("aws_secret_key", "AWS IAM User Guide, Manage access keys for IAM users", "akia|asia",
			border+`(?:AKIA|ASIA)[A-Z2-7]{16}["']?(?:[\s:,;|/]{1,3})["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$)`).from(before(0)),
		token("aws_bedrock_key", gitleaks+"aws-amazon-bedrock-api-key",
			form{"ABSK", `[A-Za-z0-9+/]{100,}={0,2}`}, form{"bedrock-api-key-", `[A-Za-z0-9+/_%-]{20,}={0,2}`}),
		token("google_api_key", "Google Cloud Docs, API keys overview", form{"AIza", base64URL + `{35}`}),
		token("google_oauth_token", "Google Cloud Docs, Token types", form{"ya29.", base64URL + `{16,}`}, form{"1//0", base64URL + `{40,}`}),
		token("google_client_secret", "GitHub Docs, Supported secret scanning patterns, google_oauth_client_secret",
			form{"GOCSPX-", base64URL + `{20,}`}),
		context("azure_storage_key", "Azure Storage, Configure connection strings", "accountkey|sharedaccesskey",
			`(?i)\b(?:AccountKey|SharedAccessKey)\s?=\s?([a-z0-9+/]{43,86}={1,2})`).from(word),
		context("azure_sas", "Azure Storage, Create a service SAS", "sig=",
			`(?i)\bsig=([a-z0-9%+/_-]{43,}={0,2})`).from(word),
		context("azure_client_secret", microsoft+"SEC101/156", "7q~|8q~",
			`[\w~.-]{3}[78]Q~[\w~.-]{31,}`).from(secretIDStart),
		stamped("azure_key", microsoft+"SEC101/152 to 245",
			stamp{"JQQJ99 JQQJ9D JQQJ9H", `A-Za-z0-9`, 52, `[A-Za-z0-9]{26}(?:[A-Za-z0-9]{2}==)?`},
			stamp{"+ASt +ABa +AMC ACDb APIM", `A-Za-z0-9+/`, 76, `[A-Za-z0-9+/]{5}[AQgw]==`},
			stamp{"+ARm +AEh +ASb AIoT AzCa AZEG", `A-Za-z0-9+/`, 33, `[A-P][A-Za-z0-9+/]{5}=`},
			stamp{"AzSe +ACR", `A-Za-z0-9+/`, 42, `[A-D][A-Za-z0-9+/]{5}\b`},
			stamp{"AzFu", `A-Za-z0-9_-`, 44, `[A-Za-z0-9_-]{5}[AQgw]==`}),
		token("alibaba_key_id", trufflehog+"alibaba", form{"LTAI", alnum + `{17,21}\b`}),
		token("digitalocean_token", gitleaks+"digitalocean", form{"dop_v1_ doo_v1_ dor_v1_", alnum + `{40,}`}),
		token("cloudflare_token", "Cloudflare Docs, API, Token formats; "+gitleaks+"cloudflare-origin-ca-key",
			form{"cfk_ cfut_ cfat_", alnum + `{40,}`}, form{"v1.0-", `[a-f0-9]{24}-[a-f0-9]{146}`}),
		token("heroku_key", gitleaks+"heroku-api-key-v2", form{"HRKU-AA", base64URL + `{58}`}),
		token("fly_token", gitleaks+"flyio-access-token",
			form{"fo1_", base64URL + `{43}`}, form{"fm1a_ fm1r_ fm2_", `[A-Za-z0-9+/=,_-]{60,}`}),
		token("vercel_token", "Vercel Changelog, New token formats and secret scanning",
			form{"vcp_ vci_ vca_ vcr_ vck_", base64URL + `{24,}`}),
		token("netlify_token", trufflehog+"netlify/v2", form{"nfp_", `\w{36}`}),
		token("planetscale_token", gitleaks+"planetscale", form{"pscale_tkn_ pscale_pw_ pscale_oauth_", `[\w=.-]{32,}`}),
		token("supabase_key", "Supabase Docs, API keys; "+trufflehog+"supabasetoken",
			form{"sb_secret_", base64URL + `{20,}`}, form{"sbp_", `(?:v0_|oauth_)?[a-z0-9]{40,}`}),
		token("databricks_token", microsoft+"SEC101/110", form{"dapi", `[0-9a-f]{32}(?:-[0-9])?\b`}),
		token("tailscale_key", trufflehog+"tailscale", form{"tskey-", `[a-z]{2,20}-\w{8,60}-\w{16,}`}),

		// Forges and registries.
		token("github_token", "GitHub Docs, About authentication to GitHub, GitHub's token formats; "+
			"Generating an installation access token for a GitHub App",
			form{"ghp_ gho_ ghu_ ghs_ ghr_", alnum + `{36,}`},
			form{"ghs_", `[0-9]{1,20}_eyJ[\w-]+(?:\.[\w-]+){0,2}`}, form{"github_pat_", `\w{22,}`}),
		token("gitlab_token", "GitLab Docs, GitLab token overview, Token prefixes",
			form{
				"glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- glsoat- gloas- glwt- glffct-",
				`[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+){0,3}`,
			},
			form{"GR1348941", base64URL + `{20,}`}),
		token("atlassian_token", trufflehog+"jiratoken/v2 and bitbucketapppassword; "+gitleaks+"atlassian-api-token",
			form{"ATATT3 ATCTT3", `[A-Za-z0-9+/_-]{20,}(?:=[A-Za-z0-9]{8})?`}, form{"ATBB", `[A-Za-z0-9_=.-]{28,}`}),
		token("npm_token", "GitHub Blog, Announcing npm's new access token format", form{"npm_", alnum + `{36}`}),
		token("pypi_token", gitleaks+"pypi-upload-token", form{"pypi-Ag", base64URL + `{50,}`}),
		token("rubygems_key", gitleaks+"rubygems-api-token", form{"rubygems_", alnum + `{40,}`}),
		token("crates_token", "GitHub Docs, Supported secret scanning patterns, crates_io_api_token", form{"cio", alnum + `{32}\b`}),
		token("nuget_key", microsoft+"SEC101/031", form{"oy2", `[a-z2-7]{43}\b`}),
		token("packagist_token", "Private Packagist Docs, Composer authentication, Token format",
			form{"packagist_", `[a-z]{3}_[a-f0-9]{68}`}),
		token("clojars_token", gitleaks+"clojars-api-token", form{"CLOJARS_", `[a-z0-9]{60}`}),
		token("docker_token", trufflehog+"dockerhub", form{"dckr_pat_ dckr_oat_", base64URL + `{27,}`}),
		token("jfrog_token", gitleaks+"artifactory-api-key", form{"AKCp", alnum + `{69}\b`}, form{"cmVmdGtu", alnum + `{56}\b`}),
		token("buildkite_token", "Buildkite Docs, Token security", form{"bkua_ bkaa_ bkaj_", base64URL + `{40,}`}),
		token("circleci_token", trufflehog+"circleci/v2", form{"CCIPAT_ CCIPRJ_", alnum + `{22}_[a-f0-9]{40}`}),
		token("sonar_token", gitleaks+"sonar-api-token", form{"squ_ sqp_ sqa_", `[a-z0-9]{40}`}),
		token("sourcegraph_token", gitleaks+"sourcegraph-access-token", form{"sgp_", `(?:(?:[a-f0-9]{16}|local)_)?[a-f0-9]{40}`}),
		token("postman_key", gitleaks+"postman-api-token", form{"PMAK-", alnum + `{24}-` + alnum + `{34}`}),

		// Infrastructure.
		token("vault_token", "HashiCorp Vault Docs, Tokens", form{"hvs. hvb. hvr.", base64URL + `{20,}`}),
		context("terraform_token", gitleaks+"hashicorp-tf-api-token", ".atlasv1.",
			border+`([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9=_-]{60,})`).from(before(14)),
		token("doppler_token", trufflehog+"doppler", form{
			"dp.pt. dp.ct. dp.sa. dp.said. dp.scim. dp.audit.", alnum + `{40,}`,
		}, form{"dp.st.", `(?:[a-z0-9_-]{2,35}\.)?` + alnum + `{40,}`}),
		token("pulumi_token", gitleaks+"pulumi-api-token", form{"pul-", `[a-f0-9]{40}`}),
		token("openshift_token", gitleaks+"openshift-user-token", form{"sha256~", base64URL + `{43}`}),
		token("onepassword_token", gitleaks+"1password", form{"ops_eyJ", `[A-Za-z0-9+/]{100,}={0,3}`},
			form{"A3-", `[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b`}),
		token("grafana_token", gitleaks+"grafana", form{"glsa_", alnum + `{32}_[A-Fa-f0-9]{8}`}, form{"glc_", `[A-Za-z0-9+/]{32,}={0,3}`},
			form{"eyJrIjoi", `[A-Za-z0-9]{70,}={0,3}`}),
		token("datadog_token", "Datadog Docs, Personal Access Tokens", form{"ddpat_ ddap_", alnum + `{32,}`}),
		token("newrelic_key", gitleaks+"new-relic; "+trufflehog+"newreliclicensekey",
			form{"NRAK-", `[A-Z0-9]{27}\b`}, form{"NRII- NRIQ-", base64URL + `{32}`}),
		context("newrelic_license", trufflehog+"newreliclicensekey", "ffffnral", border+`((?:[0-9a-f]{32}|eu01xx[0-9a-f]{26})FFFFNRAL)\b`).from(before(32)),
		token("sentry_token", "Sentry Docs, Token and Credential Formats", form{"sntryu_", alnum + `{40,}`},
			form{"sntrys_", `[A-Za-z0-9+/=_-]{50,}`}),
		token("dynatrace_token", gitleaks+"dynatrace-api-token", form{"dt0c01. dt0s01. dt0s02.", `[A-Z0-9]{8,24}\.[A-Z0-9]{64}`}),

		// Messages.
		token("slack_token", "Slack API Docs, Token types",
			form{"xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- xoxe.xoxb- xoxe.xoxp-", `[A-Za-z0-9%+/-]{10,}`}),
		context("slack_webhook", "Slack API Docs, Incoming webhooks", "hooks.slack.com/",
			`hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{10,})`).from(here),
		context("discord_webhook", "Discord Developer Docs, Webhook resource", "/api/webhooks/",
			`/api/webhooks/[0-9]+/([A-Za-z0-9_-]{16,})`).from(here),
		context("teams_webhook", gitleaks+"microsoft-teams-webhook", ".webhook.office.com/",
			`\.webhook\.office\.com/webhookb2/([^\s"'<>?#]{20,})`).from(here),
		context("telegram_token", "Telegram Bot API, Authorizing your bot", "/bot|:aa",
			`(?:/bot[0-9]{6,}:([A-Za-z0-9_-]{30,})|`+border+`[0-9]{8,10}:(AA[A-Za-z0-9_-]{32,33})\b)`).from(botStart),
		token("sendgrid_key", "SendGrid Docs, API keys", form{"SG.", base64URL + `{16,64}\.` + base64URL + `{16,}`}),
		context("mailgun_key", gitleaks+"mailgun-private-api-token and mailgun-signing-key", "api:key-|mailgun",
			`(?is)(?:\bapi:(key-[0-9a-f]{32})\b|\bmailgun.{0,80}?\b(key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b)`).from(word),
		context("mailchimp_key", trufflehog+"mailchimp", "-us1|-us2|-us3|-us4|-us5|-us6|-us7|-us8|-us9", border+`([0-9a-f]{32}-us[1-9][0-9]?)\b`).from(before(32)),
		token("brevo_key", gitleaks+"sendinblue-api-token", form{"xkeysib- xsmtpsib-", `[a-f0-9]{64}-[A-Za-z0-9]{16}`}),

		// Payment and shops.
		token("stripe_key", "Stripe Docs, API keys; Stripe Docs, Receive Stripe events in your webhook endpoint",
			form{"sk_live_ sk_test_ rk_live_ rk_test_ sk_org_", alnum + `{10,}`}, form{"whsec_", `[A-Za-z0-9+/=]{20,}`}),
		context("stripe_client_secret", "Stripe Docs, The Payment Intent object, client_secret", "_secret_",
			border+`((?:pi|seti|cs_live|cs_test)_[A-Za-z0-9]{10,100}_secret_[A-Za-z0-9]{10,})`).from(paymentStart),
		token("square_token", gitleaks+"square-access-token", form{"sq0atp- sq0csp-", base64URL + `{22,}`},
			form{"EAAA", base64URL + `{60}\b`}),
		token("braintree_token", gitleaks+"braintree, as issued by PayPal",
			form{"access_token$production$ access_token$sandbox$", `[0-9a-z]{16}\$[0-9a-f]{32}`}),
		token("shopify_token", "Shopify developer changelog, Length of the Shopify access token is increasing; App secret key length has increased",
			form{"shpat_ shpca_ shppa_ shpss_ shpua_", alnum + `{32,}`}),
		token("shippo_token", gitleaks+"shippo-api-token", form{"shippo_live_ shippo_test_", `[A-Fa-f0-9]{40}`}),
		token("plaid_token", gitleaks+"plaid-api-token", form{
			"access-sandbox- access-development- access-production-", `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
		}),

		// Models.
		token("openai_key", gitleaks+"openai-api-key",
			form{"sk-proj- sk-svcacct- sk-service- sk-admin-", base64URL + `{16,}`}),
		context("openai_legacy_key", gitleaks+"openai-api-key", "t3blbkfj", border+`(sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})`).from(before(23)),
		token("anthropic_key", "Anthropic API reference, Authentication; "+gitleaks+"anthropic-api-key", form{"sk-ant-", base64URL + `{16,}`}),
		token("huggingface_token", gitleaks+"huggingface-access-token", form{"hf_ api_org_", `[A-Za-z0-9]{34}\b`}),
		token("replicate_token", trufflehog+"replicate", form{"r8_", base64URL + `{37}`}),
		token("groq_key", trufflehog+"groq", form{"gsk_", alnum + `{52}\b`}),
		token("xai_key", trufflehog+"xai", form{"xai-", `\w{80}`}),
		token("perplexity_key", gitleaks+"perplexity-api-key", form{"pplx-", alnum + `{48}`}),
		token("nvidia_key", trufflehog+"nvapi", form{"nvapi-", base64URL + `{64}`}),
		token("openrouter_key", trufflehog+"openrouter", form{"sk-or-v1-", alnum + `{32,}`}),

		// Documents and work.
		token("notion_token", gitleaks+"notion-api-token; "+trufflehog+"notion", form{"ntn_", `[0-9]{11}[A-Za-z0-9]{35}\b`},
			form{"secret_", alnum + `{43}\b`}),
		token("linear_key", gitleaks+"linear-api-key", form{"lin_api_ lin_oauth_ lin_wh_", alnum + `{32,}`}),
		token("figma_token", trufflehog+"figmapersonalaccesstoken/v2",
			form{"figd_ figp_ figu_ figur_ figuh_ figo_ figor_ figoh_", base64URL + `{40,}`}),
		context("airtable_token", gitleaks+"airtable-personnal-access-token", "airtable",
			`(?is)\bairtable.{0,80}?\b((?-i:pat[A-Za-z0-9]{14}\.[0-9a-f]{64}))`).from(word),
		token("contentful_token", trufflehog+"contentfulpersonalaccesstoken", form{"CFPAT-", base64URL + `{43}`}),
		token("typeform_token", trufflehog+"typeform", form{"tfp_", `\w{40,}`}),
		token("hubspot_token", trufflehog+"hubspotapikey", form{
			"pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-", `[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}`,
		}),

		// Key material.
		{
			Name: "private_key", Group: groupKeys, Source: "RFC 7468 sections 10 and 11; RFC 9580 section 6.2",
			matcher: &matcher{literals: []string{"-----begin"}, find: pemFinder()},
		},
		formRule("putty_key", groupKeys, "PuTTY User Manual, appendix C: PPK file format", "private-lines",
			`Private-Lines: [0-9]+\s+([A-Za-z0-9+/]+={0,2}(?:\s+[A-Za-z0-9+/]{64})*(?:\s+(?:[A-Za-z0-9+/]{1,63}={1,2}|[A-Za-z0-9+/]{8,63}))?)`, nil),
		issued("age_key", groupKeys, "C2SP age.md, X25519 recipient", form{"AGE-SECRET-KEY-1", `[0-9A-Z]{58}\b`}),
		issued("bitcoin_key", groupKeys, "BIP 32, Serialization format; SLIP-0132", form{"xprv yprv zprv tprv", `[1-9A-HJ-NP-Za-km-z]{107,108}\b`}),
	}
}

// An issuer is what the tokens of one rule look like, for the search for them.
type issuer []struct {
	prefixes []string
	body     func() *regexp.Regexp // of what follows a prefix
}

// issued returns a rule for tokens that begin with a prefix of their issuer. It
// finds what its Pattern finds, but looks at nothing else than what follows a
// prefix.
func issued(name, group, source string, forms ...form) Rule {
	all, exprs := make(issuer, 0, len(forms)), make([]string, 0, len(forms))
	var literals []string
	for _, f := range forms {
		prefixes := strings.Fields(f.prefixes)
		body := f.body
		all = append(all, struct {
			prefixes []string
			body     func() *regexp.Regexp
		}{prefixes, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + body + `)`) })})
		var quoted []string
		for _, prefix := range prefixes {
			literals = append(literals, asciiLower(prefix))
			quoted = append(quoted, regexp.QuoteMeta(prefix))
		}
		exprs = append(exprs, `(?:`+strings.Join(quoted, "|")+`)(?:`+body+`)`)
	}
	expr := border + `(` + strings.Join(exprs, "|") + `)`
	return Rule{Name: name, Group: group, Source: source, Pattern: expr, matcher: &matcher{
		pattern: expr, literals: slices.Compact(slices.Sorted(slices.Values(literals))), find: all.find,
	}}
}

// find returns the tokens in s.
func (all issuer) find(s string) []span {
	var found []span
	var prefixes []string
	var bodies []func() *regexp.Regexp
	for _, form := range all {
		for _, prefix := range form.prefixes {
			prefixes, bodies = append(prefixes, prefix), append(bodies, form.body)
		}
	}
	eachOf(prefixes, s, func(i, at int) int {
		body := at + len(prefixes[i])
		if !borderBefore(s, at) {
			return at
		}
		m := bodies[i]().FindStringIndex(s[body:])
		if m == nil {
			return at
		}
		found = append(found, span{at, body + m[1]})
		return body + m[1]
	})
	return found
}

// eachOf calls f for each place in s at which one of the texts is, with its index,
// in their order. It goes on from where f says.
func eachOf(texts []string, s string, f func(i, at int) (next int)) {
	places := make([]int, len(texts)) // where each is next
	after := func(i, from int) {
		if places[i] = strings.Index(s[from:], texts[i]); places[i] < 0 {
			places[i] = len(s)
		} else {
			places[i] += from
		}
	}
	for i := range places {
		after(i, 0)
	}
	for {
		first := 0
		for i, at := range places {
			if at < places[first] {
				first = i
			}
		}
		at := places[first]
		if at == len(s) {
			return
		}
		next := f(first, at)
		after(first, max(next, at+1))
		for i := range places {
			if places[i] < next {
				after(i, next)
			}
		}
	}
}

// A stamp is what the issuer of keys writes into the middle of them: one of marks,
// behind so many bytes of a class, and before what is left.
type stamp struct {
	marks  string
	class  string // of an expression
	before int
	after  string
}

// stamped returns a rule for keys with a mark in them. It finds what its Pattern
// finds, but looks at nothing else than what is around a mark.
func stamped(name, source string, forms ...stamp) Rule {
	type form struct {
		mark          string
		size          int
		before, after func() *regexp.Regexp
	}
	var all []form
	var exprs, literals []string
	for _, f := range forms {
		before, after := fmt.Sprintf(`[%s]{%d}`, f.class, f.before), f.after
		compiled := [2]func() *regexp.Regexp{
			sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + before + `$`) }),
			sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + after + `)`) }),
		}
		for m := range strings.FieldsSeq(f.marks) {
			all = append(all, form{m, f.before, compiled[0], compiled[1]})
			literals = append(literals, asciiLower(m))
			exprs = append(exprs, before+regexp.QuoteMeta(m)+`(?:`+after+`)`)
		}
	}
	find := func(s string) []span {
		var found []span
		for _, f := range all {
			for at := 0; ; {
				i := strings.Index(s[at:], f.mark)
				if i < 0 {
					break
				}
				start := at + i - f.size
				at += i + len(f.mark)
				if start < 0 || !f.before().MatchString(s[start:start+f.size]) {
					continue
				}
				if m := f.after().FindStringIndex(s[at:]); m != nil {
					at += m[1]
					found = append(found, span{start, at})
				}
			}
		}
		slices.SortFunc(found, func(a, b span) int { return a.start - b.start })
		return found
	}
	expr := strings.Join(exprs, "|")
	return Rule{Name: name, Group: groupTokens, Source: source, Pattern: expr, matcher: &matcher{pattern: expr, literals: literals, find: find}}
}

// findJWTs finds what jwtForm says.
func findJWTs(s string) []span {
	const prefix, minHeader = "eyJ", 8
	var found []span
	header := 0 // where the header ends that has been looked at
	for at := 0; ; {
		i := strings.Index(s[at:], prefix)
		if i < 0 {
			return found
		}
		start := at + i
		if start >= header {
			header = base64End(s, start)
		}
		switch {
		case header == len(s) || s[header] != '.':
			at = header // there is no other in it
		case header-start < minHeader || !borderBefore(s, start):
			at = start + len(prefix)
		default:
			for at = header; at < len(s) && s[at] == '.'; {
				at = base64End(s, at+1)
			}
			found = append(found, span{start, at})
		}
	}
}

// base64End returns where the base64 for URLs that begins at s[i] ends.
func base64End(s string, i int) int {
	for i < len(s) && (isWordByte(s[i]) || s[i] == '-') {
		i++
	}
	return i
}

// borderBefore reports whether a token may begin at s[at]: what border says.
func borderBefore[T string | []byte](s T, at int) bool {
	return at == 0 || !isWordByte(s[at-1]) || s[at-1] == '_' || isEscaped(s, at)
}

// isEscaped reports whether s[:at] ends in a byte that is percent-encoded, or one
// that is escaped with a backslash, as a newline in JSON.
func isEscaped[T string | []byte](s T, at int) bool {
	before := string(s[max(0, at-6):at])
	ends := func(start string, digits int) bool {
		i := len(before) - len(start) - digits
		return i >= 0 && strings.HasPrefix(before[i:], start) && isHex(before[i+len(start):])
	}
	return ends("%", 2) || ends(`\x`, 2) || ends(`\u`, 4) ||
		len(before) > 1 && before[len(before)-2] == '\\' && strings.IndexByte("abfnrtv", before[len(before)-1]) >= 0
}
