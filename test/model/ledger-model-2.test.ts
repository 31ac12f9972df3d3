import { describeSchedules } from './schedules.js';

describeSchedules(2, 2);
