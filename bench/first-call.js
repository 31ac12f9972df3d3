/** Starts a guard on the home given as argument, decides and settles one call, and ends. Run by start.js. */
import { SpendGuard } from '../dist/guard/index.js';
import { POLICY, setPrices, spend } from './guards.js';

const [, , home] = process.argv;
setPrices();
const scope = { ...POLICY.scope, userId: 'alice' };
const guard = new SpendGuard({ policy: POLICY, scope, config: { home, durability: 'disk' } });
await spend(guard);
await guard.close();
