/** Starts the dashboard's page with the server's data. */
import { startApp } from './app.js';
import { createHttpSource } from './state/http-source.js';

const root = document.getElementById('app');
if (root) startApp(root, createHttpSource('/api'));
