def f: if . > 3 then . else . + 1 | f end; f
---
0