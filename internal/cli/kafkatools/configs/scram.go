package configs

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const (
	scramSHA256 = 1 // the protocol's numbers of the mechanisms
	scramSHA512 = 2

	minScramIterations     = 4096
	defaultScramIterations = 4096
	scramSaltBytes         = 32
)

var scramMechanisms = map[string]int8{"SCRAM-SHA-256": scramSHA256, "SCRAM-SHA-512": scramSHA512}

func isScram(key string) bool { _, ok := scramMechanisms[key]; return ok }

func mechanismName(mechanism int8) string {
	for name, m := range scramMechanisms {
		if m == mechanism {
			return name
		}
	}
	return "UNKNOWN"
}

var credentialSyntax = regexp.MustCompile(`(?s)^(?:iterations=(-?[0-9]*),)?password=(.*)$`)

// upsertion makes a credential out of "iterations=8192,password=secret". The password itself never leaves this process.
func upsertion(user, mechanism, value string) (kmsg.AlterUserSCRAMCredentialsRequestUpsertion, error) {
	up := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	m := credentialSyntax.FindStringSubmatch(value)
	if m == nil {
		return up, tool.Errorf("Invalid credential property %s=%s", strings.ReplaceAll(mechanism, "-", "_"), value)
	}
	iterations := defaultScramIterations
	if m[1] != "" && m[1] != "-1" {
		n, err := strconv.ParseInt(m[1], 10, 32)
		if err != nil {
			return up, tool.Errorf("For input string: %q", m[1])
		}
		iterations = int(n)
	}
	if iterations < minScramIterations {
		return up, tool.Errorf("Iterations %d is less than the minimum %d required for %s", iterations, minScramIterations, mechanism)
	}
	salt := make([]byte, scramSaltBytes)
	if _, err := rand.Read(salt); err != nil {
		return up, err
	}
	var salted []byte
	var err error
	if scramMechanisms[mechanism] == scramSHA256 {
		salted, err = pbkdf2.Key(sha256.New, m[2], salt, iterations, sha256.Size)
	} else {
		salted, err = pbkdf2.Key(sha512.New, m[2], salt, iterations, sha512.Size)
	}
	up.Name, up.Mechanism, up.Iterations, up.Salt, up.SaltedPassword = user, scramMechanisms[mechanism], int32(iterations), salt, salted
	return up, err
}

func (c *command) alterScram(ctx context.Context, user string, change changes) error {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	for _, mechanism := range change.deleted {
		d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
		d.Name, d.Mechanism = user, scramMechanisms[mechanism]
		req.Deletions = append(req.Deletions, d)
	}
	for _, s := range change.set {
		up, err := upsertion(user, s.key, s.value)
		if err != nil {
			return err
		}
		req.Upsertions = append(req.Upsertions, up)
	}
	resp, err := tool.Call[*kmsg.AlterUserSCRAMCredentialsResponse](ctx, c.client, "alterUserScramCredentials", req)
	if err != nil {
		return fromCluster(err)
	}
	for _, r := range resp.Results {
		if err := tool.CodeError(r.ErrorCode, r.ErrorMessage); err != nil {
			return fromCluster(err)
		}
	}
	return nil
}

func (c *command) describeScram(ctx context.Context) error {
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	for _, name := range c.names {
		u := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
		u.Name = name
		req.Users = append(req.Users, u)
	}
	resp, err := tool.Call[*kmsg.DescribeUserSCRAMCredentialsResponse](ctx, c.client, "describeUserScramCredentials", req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return fromCluster(err)
	}
	const resourceNotFound = 91 // a user without credentials is nothing to speak of
	for _, r := range resp.Results {
		if err := tool.CodeError(r.ErrorCode, r.ErrorMessage); err != nil {
			if r.ErrorCode != resourceNotFound {
				class := tool.ExceptionClass(r.ErrorCode)
				c.Printf("Error retrieving SCRAM credential configs for user-principal '%s': %s: %s\n", r.User, class[strings.LastIndexByte(class, '.')+1:], err)
			}
			continue
		}
		infos := make([]string, len(r.CredentialInfos))
		for i, info := range r.CredentialInfos {
			infos[i] = fmt.Sprintf("%s=iterations=%d", mechanismName(info.Mechanism), info.Iterations)
		}
		c.Printf("SCRAM credential configs for user-principal '%s' are %s\n", r.User, strings.Join(infos, ", "))
	}
	return nil
}
