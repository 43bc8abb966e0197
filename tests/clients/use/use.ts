// Lists the cases and opens one; what is listed then has it. A wrong question is refused with a problem.
import createClient from "openapi-fetch";
import type { components, paths } from "./polyplus.js";

declare const process: { env: Record<string, string> };

const { POLYPLUS_URL, POLYPLUS_TOKEN } = process.env;
const client = createClient<paths>({ baseUrl: POLYPLUS_URL, headers: { Authorization: `Bearer ${POLYPLUS_TOKEN}` } });

function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

async function list(): Promise<components["schemas"]["CaseSummary"][]> {
  const { data } = await client.GET("/v1/cases", { params: { query: { limit: 200 } } });
  check(data !== undefined, "there is no list");
  return data.items;
}

const before = await list();
const command: components["schemas"]["OpenCase"] = {
  description: "Camera không lên hình.",
  observed_impact: "down",
  severity: "critical",
  language: "vi",
  no_product_reason: "serial not at hand",
};
const { data: opened } = await client.POST("/v1/cases", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: command,
});
check(opened !== undefined, "no case was opened");
check((await list()).length === before.length + 1, "the case is not in the list");
const { data: got } = await client.GET("/v1/cases/{case_id}", { params: { path: { case_id: opened.id } } });
check(got?.description === command.description, "the description is another one");

const nobodys = { case_id: "00000000-0000-0000-0000-000000000001" };
const { error: refused } = await client.GET("/v1/cases/{case_id}", { params: { path: nobodys } });
check(refused?.status === 404, `refused with ${refused?.status}`);
console.log("opened", opened.number);
