module recording-operator/benchmarks/peer

go 1.22
