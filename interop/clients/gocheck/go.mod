module ottla.dev/interop/gocheck

go 1.26.0
