/** The dashboard's page: its frame, and the screen that the address names. */
import { render } from 'preact';

export function startApp(root: HTMLElement): void {
  render(<p>agentguard</p>, root);
}
