//! What intrinsic functions stand for when the stack is one machine.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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

/// A function as AWS would write it.
pub(crate) fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
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
                return Err(InvalidTemplate(format!("it has no parameter {name}")));
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

    fn call(&self, function: &str, argument: &Value) -> Result<Value, InvalidTemplate> {
        let arguments = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (function, argument, arguments) {
            ("Fn::Sub", Value::String(pattern), _) => self.substitute(pattern),
            ("Fn::GetAtt", Value::String(path), _) => self.attribute(path),
            ("Fn::If", _, [name, yes, no]) => {
                let condition = &self.document["Conditions"][text(name)?];
                self.resolve(if self.holds(condition)? { yes } else { no })
            }
            ("Fn::Equals", _, [left, right]) => {
                let (left, right) = (self.resolve(left)?, self.resolve(right)?);
                Ok((plain(&left)? == plain(&right)?).into())
            }
            ("Fn::Not", _, [condition]) => Ok((!self.holds(condition)?).into()),
            _ => Err(InvalidTemplate(format!("{function} is not understood here"))),
        }
    }

    fn holds(&self, condition: &Value) -> Result<bool, InvalidTemplate> {
        self.resolve(condition)?
            .as_bool()
            .ok_or_else(|| InvalidTemplate(format!("{condition} is not a condition")))
    }

    /// What `!Ref` gives: a parameter's value, or a resource's physical name.
    fn reference(&self, name: &str) -> Result<Value, InvalidTemplate> {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(Value::Null),
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::Region" => REGION,
            "AWS::StackName" => self.stack,
            "AWS::URLSuffix" => "amazonaws.com",
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
            return Ok(value.into());
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
        let Some((name, "Arn")) = path.split_once('.') else {
            return Err(InvalidTemplate(format!("{path} is not understood here")));
        };
        let physical = plain(&self.named(name)?)?;
        let arn = match self.document["Resources"][name]["Type"].as_str() {
            Some("AWS::DynamoDB::Table") => table_arn(&physical),
            Some("AWS::S3::Bucket") => bucket_arn(&physical),
            _ => format!("arn:aws:local:{REGION}:{ACCOUNT}:{physical}"),
        };
        Ok(arn.into())
    }

    fn substitute(&self, pattern: &str) -> Result<Value, InvalidTemplate> {
        let mut result = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| InvalidTemplate(format!("an open ${{ in {pattern}")))?;
            rest = after;
            let value = if name.contains('.') {
                self.attribute(name)?
            } else {
                self.reference(name)?
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
