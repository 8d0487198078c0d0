package logstash

// CheckEvent reports what a Shipper would refuse an event for.
func CheckEvent(line []byte, limit int) error {
	_, err := checkEvent(line, limit)
	return err
}
