/** Starts the page that verifies receipts, with what stands in its file or in the fragment of its address. */
import './page.css';
import { createElement, render } from 'preact';
import { VerifyApp } from './app.js';
import { readEnclosed } from './enclosed.js';

const root = document.getElementById('app');
if (root)
  render(createElement(VerifyApp, { enclosed: readEnclosed(document), fragment: location.hash }), root);
