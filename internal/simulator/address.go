package simulator

import (
	"fmt"
	"runtime"
)

// Addresses returns n addresses of this machine for a fleet. On Linux, where all of
// 127.0.0.0/8 is loopback, each server has its own address and listens on port 9032 as a real
// one does: 127.10.0.1:9032, 127.10.0.2:9032 and so on. Elsewhere only 127.0.0.1 is certain, so
// each has its own port, from 19032.
func Addresses(n int) []string {
	return addressesOn(runtime.GOOS, n)
}

func addressesOn(goos string, n int) []string {
	const perNet = 254 // without .0 and .255
	list := make([]string, 0, n)
	for i := range n {
		if goos != "linux" {
			list = append(list, fmt.Sprintf("127.0.0.1:%d", 19032+i))
			continue
		}
		subnet := i / perNet
		list = append(list, fmt.Sprintf("127.%d.%d.%d:9032", 10+subnet/256, subnet%256, 1+i%perNet))
	}
	return list
}
