"""Who a caller is, and what the caller may do: the API server decides both."""
