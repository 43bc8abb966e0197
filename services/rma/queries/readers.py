"""Who reads: everybody what concerns a customer, staff what concerns our depots."""

STAFF_READERS = ("engineer", "manager", "depot", "technician", "ops", "admin")
READERS = ("customer", "reseller", "integrator", *STAFF_READERS)
