reduce .[] as $x (0; . + $x)
---
[1,2,3]