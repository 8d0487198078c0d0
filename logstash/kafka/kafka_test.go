package kafka_test

import (
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/twmb/franz-go/pkg/kfake"
)
