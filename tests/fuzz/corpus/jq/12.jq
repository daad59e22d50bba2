[paths] | map(join("."; .))
---
{"a":[1]}