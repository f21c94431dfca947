//! What intrinsic functions stand for when the stack is one machine.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::InvalidTemplate;

/// The account and region that everything on one machine claims to be in.
pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";

/// A table as rights name it.
pub(crate) fn table_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

/// A bucket as rights name it.
pub(crate) fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// Replaces intrinsic functions by their values.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    document: &'a Value,
    stack: &'a str,
    parameters: &'a BTreeMap<String, String>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        document: &'a Value,
        stack: &'a str,
        parameters: &'a BTreeMap<String, String>,
    ) -> Result<Self, InvalidTemplate> {
        for name in parameters.keys() {
            if document["Parameters"][name].is_null() {
                return Err(InvalidTemplate(format!("there is no parameter {name}")));
            }
        }
        Ok(Self {
            document,
            stack,
            parameters,
        })
    }

    /// `value` without intrinsic functions. Members whose value is `AWS::NoValue` are left out.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, InvalidTemplate> {
        match value {
            Value::Object(members) => match sole_member(members) {
                Some(("Ref", name)) => self.reference(text(name)?),
                Some(("Condition", name)) => Ok(self.condition(text(name)?)?.into()),
                Some((name, argument)) if name.starts_with("Fn::") => self.call(name, argument),
                _ => {
                    let mut resolved = Map::new();
                    for (name, value) in members {
                        let value = self.resolve(value)?;
                        if !value.is_null() {
                            resolved.insert(name.clone(), value);
                        }
                    }
                    Ok(Value::Object(resolved))
                }
            },
            Value::Array(elements) => elements.iter().map(|element| self.resolve(element)).collect(),
            plain => Ok(plain.clone()),
        }
    }

    /// Whether the condition called `name` holds.
    fn condition(&self, name: &str) -> Result<bool, InvalidTemplate> {
        match self.resolve(&self.document["Conditions"][name])? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(InvalidTemplate(format!("{name} is not a condition"))),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Value, InvalidTemplate> {
        match (function, argument) {
            ("Fn::Sub", Value::String(pattern)) => self.substitute(pattern, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(pattern), Value::Object(variables)] => self.substitute(pattern, variables),
                _ => Err(InvalidTemplate(
                    "Fn::Sub takes a pattern and a mapping".to_owned(),
                )),
            },
            ("Fn::GetAtt", path) => {
                let path = match path {
                    Value::Array(parts) => parts.iter().map(text).collect::<Result<Vec<_>, _>>()?.join("."),
                    path => text(path)?.to_owned(),
                };
                self.attribute(&path)
            }
            ("Fn::If", Value::Array(parts)) => match parts.as_slice() {
                [name, yes, no] => self.resolve(if self.condition(text(name)?)? { yes } else { no }),
                _ => Err(InvalidTemplate("Fn::If takes three values".to_owned())),
            },
            (_, Value::Array(arguments)) => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.resolve(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                match (function, arguments.as_slice()) {
                    ("Fn::Equals", [left, right]) => Ok((plain(left)? == plain(right)?).into()),
                    ("Fn::Not", [Value::Bool(holds)]) => Ok((!holds).into()),
                    ("Fn::And", all) => Ok(all.iter().all(|one| one == &Value::Bool(true)).into()),
                    ("Fn::Or", any) => Ok(any.iter().any(|one| one == &Value::Bool(true)).into()),
                    ("Fn::Join", [Value::String(separator), Value::Array(parts)]) => {
                        let parts = parts.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
                        Ok(parts.join(separator).into())
                    }
                    _ => Err(InvalidTemplate(format!("{function} is not understood here"))),
                }
            }
            _ => Err(InvalidTemplate(format!("{function} is not understood here"))),
        }
    }

    /// What `!Ref` gives: a parameter's value, or a resource's physical name.
    fn reference(&self, name: &str) -> Result<Value, InvalidTemplate> {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(Value::Null),
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::Region" => REGION,
            "AWS::StackName" => self.stack,
            "AWS::URLSuffix" => "localhost",
            _ => return self.named(name),
        };
        Ok(pseudo.into())
    }

    fn named(&self, name: &str) -> Result<Value, InvalidTemplate> {
        let parameter = &self.document["Parameters"][name];
        if !parameter.is_null() {
            let value = match self.parameters.get(name) {
                Some(given) => given.clone(),
                None => plain(&parameter["Default"])?,
            };
            return Ok(match parameter["Type"].as_str() {
                Some("CommaDelimitedList") => value.split(',').map(str::trim).collect(),
                _ => value.into(),
            });
        }
        let resource = &self.document["Resources"][name];
        let given = match resource["Type"].as_str() {
            None => return Err(InvalidTemplate(format!("there is no {name} to refer to"))),
            Some("AWS::DynamoDB::Table") => &resource["Properties"]["TableName"],
            Some("AWS::S3::Bucket") => &resource["Properties"]["BucketName"],
            Some(_) => &Value::Null,
        };
        if given.is_null() {
            // As CloudFormation does, less the random end.
            return Ok(format!("{}-{name}", self.stack).into());
        }
        self.resolve(given)
    }

    fn attribute(&self, path: &str) -> Result<Value, InvalidTemplate> {
        let (name, attribute) = path.split_once('.').unwrap_or((path, ""));
        let physical = self.named(name)?;
        if attribute != "Arn" {
            return Ok(physical);
        }
        let physical = plain(&physical)?;
        let arn = match self.document["Resources"][name]["Type"].as_str() {
            Some("AWS::DynamoDB::Table") => table_arn(&physical),
            Some("AWS::S3::Bucket") => bucket_arn(&physical),
            _ => format!("arn:aws:local:{REGION}:{ACCOUNT}:{physical}"),
        };
        Ok(arn.into())
    }

    fn substitute(&self, pattern: &str, variables: &Map<String, Value>) -> Result<Value, InvalidTemplate> {
        let mut result = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| InvalidTemplate(format!("an open ${{ in {pattern}")))?;
            rest = after;
            let value = match (name.strip_prefix('!'), variables.get(name)) {
                (Some(literal), _) => json!(format!("${{{literal}}}")),
                (None, Some(value)) => self.resolve(value)?,
                (None, None) if !name.starts_with("AWS::") && name.contains('.') => self.attribute(name)?,
                (None, None) => self.reference(name)?,
            };
            result.push_str(&plain(&value)?);
        }
        result.push_str(rest);
        Ok(result.into())
    }
}

fn sole_member(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

fn text(value: &Value) -> Result<&str, InvalidTemplate> {
    value
        .as_str()
        .ok_or_else(|| InvalidTemplate(format!("{value} should be a string")))
}

/// A scalar as CloudFormation sees it: numbers and strings are one.
pub(super) fn plain(value: &Value) -> Result<String, InvalidTemplate> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => Err(InvalidTemplate(format!("{other} should be a single value"))),
    }
}
