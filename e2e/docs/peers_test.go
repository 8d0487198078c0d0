package docs_test

// What the blocks of the pages import, for go.mod to have.
import (
	_ "github.com/rs/zerolog"
	_ "github.com/sirupsen/logrus"
	_ "go.uber.org/zap"
)
