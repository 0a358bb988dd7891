// The policy `change-window`: what is not installed yet comes only on certain days and hours, UTC.
//
// It objects and never vouches: outside the window it denies, inside it abstains. A policy has no clock: time is `job.now`.

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const DEFAULTS = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '17:00' };
const DESCRIPTIONS = {
  days: 'Days on which something new may be installed: mon, tue, wed, thu, fri, sat, sun.',
  from: 'From this time of the day on, UTC.',
  to: 'Before this time of the day, UTC; 24:00 is the end of the day.',
};
const TYPES = {
  days: { type: 'array', items: { enum: DAYS } },
  from: { type: 'string', pattern: '^[0-9]{2}:[0-9]{2}$' },
  to: { type: 'string', pattern: '^[0-9]{2}:[0-9]{2}$' },
};

let settings = DEFAULTS;

/** Minutes since midnight, or undefined where the text is no time of the day. */
function minutes(text) {
  const match = typeof text === 'string' && /^(\d\d):(\d\d)$/.exec(text);
  const value = match ? Number(match[1]) * 60 + Number(match[2]) : NaN;
  return match && Number(match[2]) < 60 && value <= 24 * 60 ? value : undefined;
}

/** Every problem with the settings, each with its JSON Pointer. */
function problems(given) {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    return [{ path: '', message: 'must be an object' }];
  }
  const found = Object.keys(given)
    .filter((key) => !Object.hasOwn(DEFAULTS, key))
    .map((key) => ({ path: `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, message: `there is no setting \`${key}\`` }));
  if (given.days !== undefined && !(Array.isArray(given.days) && given.days.every((day) => DAYS.includes(day)))) {
    found.push({ path: '/days', message: `must be a list of ${DAYS.join(', ')}` });
  }
  for (const key of ['from', 'to']) {
    if (given[key] !== undefined && minutes(given[key]) === undefined) {
      found.push({ path: `/${key}`, message: 'must be a time of the day, such as "08:00"' });
    }
  }
  return found;
}

export const plugin = {
  describe() {
    const properties = {};
    for (const key of Object.keys(DEFAULTS)) {
      properties[key] = { ...TYPES[key], description: DESCRIPTIONS[key], default: DEFAULTS[key] };
    }
    return {
      name: 'change-window',
      version: '0.1.0',
      summary: 'Denies what is not installed yet outside certain days and hours.',
      settingsSchema: JSON.stringify({ type: 'object', properties, additionalProperties: false }),
    };
  },

  configure(text) {
    const given = JSON.parse(text);
    const found = problems(given);
    // The contract's `result`: what is thrown is its error.
    if (found.length > 0) throw found;
    settings = { ...DEFAULTS, ...given };
  },
};

function isOpen(now) {
  const date = new Date(Number(now));
  const minute = date.getUTCHours() * 60 + date.getUTCMinutes();
  return settings.days.includes(DAYS[date.getUTCDay()]) && minutes(settings.from) <= minute && minute < minutes(settings.to);
}

function review(job, item, open) {
  const { name, version } = item.release;
  if (open || job.task === 'publish' || item.installed === version) return { tag: 'abstain' };
  const when = `${settings.days.join(', ')}, ${settings.from} to ${settings.to} UTC`;
  return {
    tag: 'deny',
    val: [{ code: 'closed', message: `${name} ${version} is new here, and new packages come on ${when}`, hint: 'try again then' }],
  };
}

export const verification = {
  reviewPlan(job, plan) {
    const open = isOpen(job.now);
    return plan.map((item) => review(job, item, open));
  },
};
