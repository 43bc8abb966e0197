"""The keys of the advisory locks that the runtime takes in a service's database. Whoever has one is alone with its work there."""

RELAY = 7_106_511_852_580_896_768
"""For as long as its session lives."""
HOUSEKEEPING = 7_106_511_852_580_896_769
"""For one transaction."""
REPLICAS = 7_106_511
"""With a replica's table as the second key. Who writes its rows has it for one transaction; who waits for a row shares it."""
REBUILD = 7_106_511_852_580_896_770
"""For as long as its session lives."""
