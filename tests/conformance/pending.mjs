// What does not pass through the gateway, and why: REVISION/SCENARIO, with `client ` in front where the gateway is on the
// suite's other side. A scenario that is listed here and passes is an error, so that the list can only shrink.
// This one is meant to stay.
const NULLS = 'null where the schema wants another type is refused before any server sees it';

export const PENDING = {
  'client 2026-07-28/http-custom-headers': NULLS,
};
