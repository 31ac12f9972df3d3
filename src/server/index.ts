/** The dashboard's server: reads ledgers, sends the page and answers it. */
export { type Dashboard, type DashboardOptions, isLoopback, printLink, startDashboard } from './dashboard.js';
export { DEFAULT_PORT } from './listen.js';
export { findRunning, type RunningDashboard } from './running.js';
