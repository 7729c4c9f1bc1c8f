"""The ledger of a map: a hash chain over everything that made or changed it, signed now and then."""
