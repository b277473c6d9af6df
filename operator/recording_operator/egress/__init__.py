"""HTTP to addresses that tenants and administrators name: policy, addresses, connections, requests."""
