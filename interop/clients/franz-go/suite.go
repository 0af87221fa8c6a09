package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"ottla.dev/interop/gocheck"
)

// suiteTests are the tests of franz-go's package kgo that talk to a broker. Those for KIP-848 and for share groups skip themselves
// where the broker does not advertise them.
var suiteTests = []string{
	"Test848RegexBrokerResolves", "TestAddRemovePartitions", "TestClient_Produce", "TestClient_ProduceLargeMessages",
	"TestConsumeMaxDecompressBatchBytes", "TestConsumeRegex", "TestConsumeRegexShareSkipsInternal", "TestConsumeTopicRetrieval",
	"TestConsumeTopicRetrieval_Many", "TestDirectPartitionPurge", "TestGroupETL", "TestGroupSimple", "TestHookPollStart", "TestIssue1034",
	"TestIssue325", "TestIssue337", "TestIssue434", "TestIssue523", "TestIssue648", "TestIssue769", "TestIssue810", "TestIssue831",
	"TestIssue865", "TestIssueFetchLargerThanBrokerMaxReadBytes", "TestPauseIssue489", "TestPauseIssueOct2023", "TestPing", "TestPooling",
	"TestShareGroup", "TestShareGroupAckOnClose", "TestShareGroupETL", "TestShareGroupOffsetsAdmin", "TestTxnEtl",
	"TestUnknownGroupOffsetFetchPinned",
}

// suiteRecords is how many records TestGroupETL and TestTxnEtl send; the default of 500,000 is for larger machines.
const suiteRecords = 20_000

// suite runs franz-go's own tests against the node; their output, in go's JSON form, is the program's.
func suite() int {
	chosen := slices.DeleteFunc(slices.Clone(suiteTests), func(name string) bool { return !strings.Contains(name, os.Getenv("CHECKS")) })
	cmd := exec.Command("go", "test", "-json", "-count=1", "-timeout=7m",
		"-run=^("+strings.Join(chosen, "|")+")$",
		"github.com/twmb/franz-go/pkg/kgo")
	cmd.Env = append(os.Environ(), "KGO_SEEDS="+gocheck.Bootstrap(), "KGO_TEST_RF=1", "KGO_LOG_LEVEL=none", fmt.Sprintf("KGO_TEST_RECORDS=%d", suiteRecords))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}
