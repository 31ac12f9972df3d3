import { describeSchedules } from './schedules.js';

describeSchedules(1, 2);
