/** Views for a terminal that a person looks at; loaded only then (docs/cli.md "watch"). */
export {};
