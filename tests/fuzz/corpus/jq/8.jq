to_entries | map(select(.value > 1)) | from_entries
---
{"a":1,"b":2}