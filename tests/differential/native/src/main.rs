//! The official Cedar engine, built from its own crates: a case on each line of standard input, what it says to it on
//! one line of standard output. ../official.mjs gives the same answers with fewer members.

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PartialEntities,
    PartialEntityUid, PartialRequest, Policy, PolicyId, PolicySet, Request, Response, Schema, SchemaFragment, SlotId,
    Template, TestEntityLoader, TpeResponse, ValidationError, ValidationMode, ValidationResult, Validator,
};
use cedar_policy_core::ast::{self, PolicyID, StaticPolicy};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{json_schema, RawName};
use cedar_policy_core::{est, parser};
use cedar_policy_formatter::{policies_str_to_pretty, Config};
use miette::Diagnostic;
use serde::Deserialize;
use serde_json::{json, value::RawValue, Value};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::io::{BufRead, Write};

type Answer<T> = Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case<'a> {
    typed: bool,
    schema: String,
    policies: Vec<String>,
    links: Vec<Link>,
    #[serde(borrow)]
    entities: &'a RawValue,
    #[serde(borrow)]
    requests: Vec<Asked<'a>>,
    formatted: bool,
    line_width: usize,
    indent_width: isize,
    level: Option<u32>,
    /// What of requests and entities partial evaluation is not told.
    hidden: u32,
    partial_entities: Value,
    /// What our engine printed.
    texts: Vec<Option<String>>,
    schema_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    template_id: String,
    new_id: String,
    values: HashMap<String, Uid>,
}

#[derive(Deserialize)]
struct Uid {
    #[serde(rename = "type")]
    name: String,
    id: String,
}

#[derive(Deserialize)]
struct Asked<'a> {
    principal: Uid,
    action: Uid,
    resource: Uid,
    #[serde(borrow)]
    context: &'a RawValue,
}

fn is_template(text: &str) -> bool {
    text.contains("?principal") || text.contains("?resource")
}

/// A policy with its JSON form.
struct Parsed {
    form: est::Policy,
    template: ast::Template,
    /// Of its text in what was parsed.
    start: usize,
}

fn parse_one(text: &str, number: usize) -> Option<Parsed> {
    let id = Some(PolicyID::from_string(format!("policy{number}")));
    let (form, template) = parser::parse_policy_or_template_to_est_and_ast(id, text).ok()?;
    Some(Parsed { form, template, start: 0 })
}

/// Several policies for the price of one parse, if all are good.
fn parse_together(texts: &[&str]) -> Option<Vec<Option<Parsed>>> {
    let (mut forms, set) = parser::parse_policyset_to_ests_and_pset(&texts.join("\n")).ok()?;
    let (mut parsed, mut start) = (vec![], 0);
    for (i, text) in texts.iter().enumerate() {
        let id = PolicyID::from_string(format!("policy{i}"));
        parsed.push(Some(Parsed { form: forms.remove(&id)?, template: set.get_template(&id)?.clone(), start }));
        start += text.len() + 1;
    }
    forms.is_empty().then_some(parsed)
}

fn parse(texts: &[&str]) -> Vec<Option<Parsed>> {
    let mut parsed =
        parse_together(texts).unwrap_or_else(|| texts.iter().enumerate().map(|(i, text)| parse_one(text, i)).collect());
    for (policy, text) in parsed.iter_mut().zip(texts) {
        if policy.as_ref().is_some_and(|it| is_template(text) != it.template.slots().next().is_some()) {
            *policy = None;
        }
    }
    parsed
}

thread_local! {
    static TYPES: RefCell<HashMap<String, EntityTypeName>> = RefCell::default();
}

/// Reading the name of a type costs as much as reading a policy, and there are few.
fn type_name(name: &str) -> Answer<EntityTypeName> {
    if let Some(known) = TYPES.with_borrow(|types| types.get(name).cloned()) {
        return Ok(known);
    }
    let new: EntityTypeName = name.parse()?;
    TYPES.with_borrow_mut(|types| types.insert(name.to_string(), new.clone()));
    Ok(new)
}

fn uid_of(json: &Uid) -> Answer<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(type_name(&json.name)?, EntityId::new(&json.id)))
}

fn policy_set(case: &Case, parsed: &[Option<Parsed>]) -> Answer<PolicySet> {
    let mut set = PolicySet::new();
    for policy in parsed {
        let template = policy.as_ref().ok_or("a policy does not parse")?.template.clone();
        if template.slots().next().is_some() {
            set.add_template(Template::from(template))?;
        } else {
            set.add(Policy::from(StaticPolicy::try_from(template)?))?;
        }
    }
    for link in &case.links {
        let mut values = HashMap::new();
        for (slot, uid) in &link.values {
            let slot = if slot == "?principal" { SlotId::principal() } else { SlotId::resource() };
            values.insert(slot, uid_of(uid)?);
        }
        set.link(PolicyId::new(&link.template_id), PolicyId::new(&link.new_id), values)?;
    }
    Ok(set)
}

type Fragment = json_schema::Fragment<RawName>;

fn schema_of(text: &str) -> Answer<(Fragment, Schema)> {
    let (fragment, _) = Fragment::from_cedarschema_str(text, Extensions::all_available())?;
    let schema = SchemaFragment::try_from(fragment.clone())?.try_into()?;
    Ok((fragment, schema))
}

/// Where policies are wrong. A link is reported at its template, whose text it has. Some errors have no place: then
/// only the policies are told.
fn places(result: &ValidationResult, parsed: &[Option<Parsed>]) -> Value {
    let place = |error: &ValidationError| {
        let id = error.policy_id().to_string();
        let at = error.labels().and_then(|mut labels| labels.next())?;
        let number: usize = id.strip_prefix("policy")?.parse().ok()?;
        let from = at.offset() - parsed.get(number)?.as_ref()?.start;
        Some(format!("{id} {from} {}", from + at.len()))
    };
    let errors = result.validation_errors().filter(|error| !error.policy_id().to_string().starts_with("link"));
    let found: Option<BTreeSet<String>> = errors.map(place).collect();
    found.map_or_else(|| failing(result), |found| json!(found))
}

/// The policies that are wrong.
fn failing(result: &ValidationResult) -> Value {
    let ids = result.validation_errors().map(|error| error.policy_id().to_string());
    json!(ids.filter(|id| !id.starts_with("link")).collect::<BTreeSet<_>>())
}

fn request_of(asked: &Asked, schema: Option<&Schema>) -> Answer<Request> {
    let action = uid_of(&asked.action)?;
    let context = Context::from_json_str(asked.context.get(), schema.map(|schema| (schema, &action)))?;
    Ok(Request::new(uid_of(&asked.principal)?, action, uid_of(&asked.resource)?, context, schema)?)
}

fn failed_policy(error: &AuthorizationError) -> String {
    let AuthorizationError::PolicyEvaluationError(error) = error;
    error.policy_id().to_string()
}

fn decision_of(response: &Response) -> Value {
    let decision = format!("{:?}", response.decision()).to_lowercase();
    let reason: BTreeSet<String> = response.diagnostics().reason().map(PolicyId::to_string).collect();
    let errors: BTreeSet<String> = response.diagnostics().errors().map(failed_policy).collect();
    json!({"decision": decision, "reason": reason, "errors": errors})
}

fn say_policies(case: &Case, parsed: &[Option<Parsed>], out: &mut Value) {
    let forms: Vec<_> = parsed.iter().map(|policy| policy.as_ref().map(|policy| &policy.form)).collect();
    let ours: Vec<&str> = case.texts.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    out["texts"] = forms.iter().map(|form| json!(form.map(ToString::to_string))).collect();
    out["forms"] = json!(forms);
    out["reread"] = parse(&ours).iter().map(|policy| json!(policy.as_ref().map(|policy| &policy.form))).collect();
    if case.formatted {
        let config = Config { line_width: case.line_width, indent_width: case.indent_width };
        out["formatted"] = json!(policies_str_to_pretty(&case.policies.join("\n"), &config).ok());
    }
}

/// A schema as the engine has it, and what there is to say about it.
fn say_schema(case: &Case) -> Answer<(Schema, Value)> {
    let again = |text: &String| schema_of(text).ok().map(|(fragment, _)| fragment);
    let (fragment, schema) = schema_of(&case.schema)?;
    let mut said = json!({
        "schema": fragment,
        "schemaText": fragment.to_cedarschema().ok(),
        "schemaReread": case.schema_text.as_ref().and_then(again),
    });
    said["resolved"] = json!(fragment.to_internal_name_fragment_with_resolved_types()?);
    Ok((schema, said))
}

/// The schema of the last case, which is often that of the next: reading one is what costs most.
#[derive(Default)]
struct Last {
    texts: (String, Option<String>),
    schema: Option<(Schema, Value)>,
}

impl Last {
    fn schema_of(&mut self, case: &Case) -> Option<(Schema, Value)> {
        if self.texts.0 != case.schema || self.texts.1 != case.schema_text {
            self.texts = (case.schema.clone(), case.schema_text.clone());
            self.schema = say_schema(case).ok();
        }
        self.schema.clone()
    }
}

/// Strict, and one other kind in turn. Is the set valid?
fn say_validation(case: &Case, set: &PolicySet, parsed: &[Option<Parsed>], schema: Schema, out: &mut Value) -> bool {
    let validator = Validator::new(schema);
    let strict = validator.validate(set, ValidationMode::Strict);
    out["invalid"] = places(&strict, parsed);
    match case.level {
        Some(level) => out["tooDeep"] = failing(&validator.validate_with_level(set, ValidationMode::Strict, level)),
        None => out["permissive"] = places(&validator.validate(set, ValidationMode::Permissive), parsed),
    }
    strict.validation_passed()
}

const NO_PRINCIPAL: u32 = 1;
const NO_RESOURCE: u32 = 2;
const NO_CONTEXT: u32 = 4;
const ROUNDS: u32 = 8;

fn partial_request_of(asked: &Asked, hidden: u32, schema: &Schema) -> Answer<PartialRequest> {
    let part = |json: &Uid, bit: u32| -> Answer<PartialEntityUid> {
        Ok(PartialEntityUid::new(type_name(&json.name)?, (hidden & bit == 0).then(|| EntityId::new(&json.id))))
    };
    let action = uid_of(&asked.action)?;
    let context = Context::from_json_str(asked.context.get(), Some((schema, &action)))?;
    let context = (hidden & NO_CONTEXT == 0).then_some(context);
    let (principal, resource) = (part(&asked.principal, NO_PRINCIPAL)?, part(&asked.resource, NO_RESOURCE)?);
    Ok(PartialRequest::new(principal, action, resource, context, schema)?)
}

fn named(decision: Option<Decision>) -> String {
    decision.map_or("open".to_string(), |it| format!("{it:?}").to_lowercase())
}

fn outcomes_of(response: &TpeResponse) -> Value {
    fn ids<'a>(permits: impl Iterator<Item = &'a PolicyId>, forbids: impl Iterator<Item = &'a PolicyId>) -> Value {
        json!(permits.chain(forbids).map(PolicyId::to_string).collect::<BTreeSet<_>>())
    }
    json!({
        "decision": named(response.decision()),
        "true": ids(response.true_permits(), response.true_forbids()),
        "false": ids(response.false_permits(), response.false_forbids()),
        "error": ids(response.error_permits(), response.error_forbids()),
        "residual": ids(response.residual_permits(), response.residual_forbids()),
    })
}

/// Are the ancestors of all entities told, or none of any? Of a parent that is not listed this engine takes for granted
/// that it has none.
fn lists_parents(entities: &Value) -> bool {
    let plain = |uid: &Value| uid.get("__entity").unwrap_or(uid).clone();
    let all = || entities.as_array().into_iter().flatten();
    let listed: Vec<Value> = all().map(|entity| plain(&entity["uid"])).collect();
    let mut parents = all().filter_map(|entity| entity["parents"].as_array()).flatten();
    parents.all(|parent| listed.contains(&plain(parent)))
}

/// Partial evaluation, and what its residuals say to the full request.
fn say_partially(case: &Case, set: &PolicySet, schema: &Schema, entities: &Entities, out: &mut Value) {
    let known = PartialEntities::from_json_value(case.partial_entities.clone(), schema);
    let Some(known) = known.ok().filter(|_| lists_parents(&case.partial_entities)) else { return };
    let (mut partial, mut filled) = (vec![], vec![]);
    for asked in &case.requests {
        let full = request_of(asked, Some(schema)).ok();
        let request = full.as_ref().and_then(|_| partial_request_of(asked, case.hidden, schema).ok());
        let response = request.as_ref().and_then(|request| set.tpe(request, &known, schema).ok());
        partial.push(json!(response.as_ref().map(outcomes_of)));
        let again = full.as_ref().zip(response).and_then(|(full, said)| said.reauthorize(full, entities).ok());
        filled.push(json!(again.as_ref().map(decision_of)));
    }
    out["partial"] = partial.into();
    out["filled"] = filled.into();
}

/// Evaluation that loads entities.
fn say_batched(case: &Case, set: &PolicySet, schema: &Schema, entities: &Entities, out: &mut Value) {
    let decide = |asked: &Asked| {
        let request = request_of(asked, Some(schema)).ok()?;
        let decision =
            set.is_authorized_batched(&request, schema, &mut TestEntityLoader::new(entities), ROUNDS).ok()?;
        Some(named(Some(decision)))
    };
    out["batched"] = case.requests.iter().map(|asked| json!(decide(asked))).collect();
}

fn answer(line: &str, last: &mut Last) -> Answer<Value> {
    let case: Case = serde_json::from_str(line)?;
    let (mut schema, mut out) =
        last.schema_of(&case).map_or((None, json!({"schema": null})), |(schema, said)| (Some(schema), said));
    let texts: Vec<&str> = case.policies.iter().map(String::as_str).collect();
    let parsed = parse(&texts);
    say_policies(&case, &parsed, &mut out);
    let set = policy_set(&case, &parsed).ok();
    out["accepted"] = set.is_some().into();
    let mut is_valid = false;
    if let (Some(set), Some(schema)) = (&set, &schema) {
        is_valid = say_validation(&case, set, &parsed, schema.clone(), &mut out);
    }
    schema = schema.filter(|_| case.typed);
    let entities = Entities::from_json_str(case.entities.get(), schema.as_ref()).ok();
    out["entities"] = entities.is_some().into();
    if let (Some(set), Some(entities)) = (set, entities) {
        let authorizer = Authorizer::new();
        let decide = |asked: &Asked| {
            let request = request_of(asked, schema.as_ref()).ok()?;
            Some(decision_of(&authorizer.is_authorized(&request, &set, &entities)))
        };
        out["requests"] = case.requests.iter().map(|asked| json!(decide(asked))).collect();
        if let Some(schema) = schema.as_ref().filter(|_| is_valid) {
            say_partially(&case, &set, schema, &entities, &mut out);
            say_batched(&case, &set, schema, &entities, &mut out);
        }
    }
    Ok(out)
}

fn main() -> Answer<()> {
    let (mut out, mut last) = (std::io::stdout().lock(), Last::default());
    for line in std::io::stdin().lock().lines() {
        let said = answer(&line?, &mut last).unwrap_or_else(|error| json!({"failed": error.to_string()}));
        writeln!(out, "{said}")?;
        out.flush()?;
    }
    Ok(())
}
