/** The dashboard's server: read-only, on the loopback interface (docs/dashboard.md). */
export {};
