[.result[] | {number, state: (.state.value // "new"), at: (.opened | sub(" "; "T"))}]
---
{"result":[{"number":"1","state":{"value":"x"},"opened":"2026-01-01 10:00"}]}