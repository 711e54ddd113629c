"""Event sources: queues, the table's stream and schedules, polled as Lambda does it."""
